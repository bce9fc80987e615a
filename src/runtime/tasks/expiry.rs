//! Tells of flags that are past their time: once each, at the start or when they expire.

use std::{collections::HashSet, sync::Weak, time::Duration};

use tokio::time::sleep;

use crate::flags::{Flags, Inner};

/// How often to look. It is the wall clock that flags expire by, which may be set, so that no timer is set for their time.
const LOOK: Duration = Duration::from_secs(5);

/// Logs each expired flag once, until nobody holds the flags any more.
pub(crate) async fn warn(flags: Weak<Inner>) {
    let mut told = HashSet::new();
    while let Some(inner) = flags.upgrade() {
        let expired = Flags::from_inner(inner).snapshot().expired_flags(chrono::Utc::now());
        // A flag that was given more time may expire again.
        told.retain(|(flag, at)| expired.iter().any(|known| known.flag == *flag && known.expires_at == *at));
        for flag in expired {
            if told.insert((flag.flag.clone(), flag.expires_at)) {
                tracing::warn!(
                    flag = flag.flag,
                    "{flag} has expired: remove it, or move its flag_metadata.expires_at"
                );
            }
        }
        sleep(LOOK).await;
    }
}
