//! Follows the tokens in the database.

use std::{
    mem,
    sync::{Arc, Weak},
    time::Duration,
};

use novi::{
    Backoff, Error, Result,
    store::{ReadStore, StoredToken, TokenStore},
};
use tokio::time::{Instant, sleep, timeout};

use super::{Inner, known::Known};

/// A database that says nothing for so long is taken for one that does not answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The rows are read so often, whatever the number of changes says: a MySQL server tells nothing of a TRUNCATE, and a database
/// that was restored may have the same number by chance.
const SWEEP: Duration = Duration::from_secs(30);

pub(super) struct Follower {
    tokens: Weak<Inner>,
    store: Arc<dyn ReadStore>,
    interval: Duration,
    backoff: Backoff,
    /// The number of changes that the tokens in memory have, and when they were read.
    seen: Option<(Option<i64>, Instant)>,
    fails: bool,
}

impl Follower {
    pub(super) fn new(tokens: Weak<Inner>, store: Arc<dyn ReadStore>, interval: Duration) -> Self {
        Self { tokens, store, interval, backoff: Backoff::new(interval), seen: None, fails: false }
    }

    pub(super) fn store(&self) -> &Arc<dyn ReadStore> {
        &self.store
    }

    /// Looks each interval, until nobody holds the tokens any more. `wait` is how long until the first look.
    pub(super) async fn follow(mut self, mut wait: Duration) {
        loop {
            sleep(wait).await;
            let Some(inner) = self.tokens.upgrade() else { return };
            wait = self.look(&inner).await;
        }
    }

    /// Looks whether the tokens have changed, and gives how long to wait until the next look.
    pub(super) async fn look(&mut self, inner: &Inner) -> Duration {
        let store = Arc::clone(&self.store);
        let Some(tokens) = store.token_store() else { return SWEEP };
        let looked = timeout(PATIENCE, self.read(tokens)).await.unwrap_or_else(|elapsed| {
            Err(Error::store(store.name(), format!("no answer within {PATIENCE:?}"), elapsed))
        });
        match looked {
            Ok(read) => {
                if let Some((rows, changes)) = read {
                    let made = changes.is_some_and(|changes| changes > 0);
                    // Nobody else writes here.
                    let known = Known::of(rows, made, &inner.known.load());
                    inner.known.store(Arc::new(known));
                    self.seen = Some((changes, Instant::now()));
                }
                self.backoff.reset();
                if mem::take(&mut self.fails) {
                    tracing::info!(store = store.name(), "tokens are followed again");
                }
                self.interval
            }
            Err(error) => {
                if mem::replace(&mut self.fails, true) {
                    tracing::debug!("{error}");
                } else {
                    tracing::warn!("{error}; tokens are those of before until the database answers");
                }
                self.backoff.next_wait()
            }
        }
    }

    /// The rows with the number of their changes; nothing if it is the one that was seen.
    async fn read(&self, tokens: &dyn TokenStore) -> Result<Option<(Vec<StoredToken>, Option<i64>)>> {
        // The number first: a change in between is read twice, and not missed.
        let changes = tokens.token_changes().await?;
        let is_seen =
            changes.is_some() && self.seen.is_some_and(|(seen, at)| seen == changes && at.elapsed() < SWEEP);
        if is_seen {
            return Ok(None);
        }
        Ok(Some((tokens.stored_tokens().await?, changes)))
    }
}
