//! Logs flags that have expired: once each, at the start or when they expire.

use std::{collections::HashSet, sync::Weak, time::Duration};

use tokio::time::sleep;

use crate::runtime::core::Core;

/// Flags expire by the wall clock, which can be changed, so a timer for the next expiry would not do.
const INTERVAL: Duration = Duration::from_secs(5);

/// Logs each expired flag once, until the flags are dropped.
pub(crate) async fn warn(core: Weak<Core>) {
    let mut logged = HashSet::new();
    while let Some(core) = core.upgrade() {
        let expired = core.snapshot().expired_flags(chrono::Utc::now());
        // A flag whose date was moved may expire again.
        logged
            .retain(|(flag, at)| expired.iter().any(|known| known.flag == *flag && known.expires_at == *at));
        for flag in expired {
            if logged.insert((flag.flag.clone(), flag.expires_at)) {
                tracing::warn!(
                    flag = flag.flag,
                    "{flag} has expired: remove it, or move its flag_metadata.expires_at"
                );
            }
        }
        drop(core);
        sleep(INTERVAL).await;
    }
}
