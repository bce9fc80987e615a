//! Follows the tokens in the database.

use std::{
    path::PathBuf,
    sync::{Arc, Weak},
    time::Duration,
};

use novi::{Backoff, Error, Result, store::ReadStore};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep, timeout},
};

use super::{
    Inner,
    kept::{Kept, replace},
    known::Known,
};

/// A database that says nothing for so long is taken for one that does not answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// At the start somebody waits.
const FIRST_PATIENCE: Duration = Duration::from_secs(2);

/// The rows are read so often, whatever the number of changes says: a MySQL server tells nothing of a TRUNCATE, and a database
/// that was restored may have the same number by chance.
const SWEEP: Duration = Duration::from_secs(30);

/// Before it is told that tokens can not be read. A database that is gone is told of by who follows the flags, at once; what is left
/// is that the tokens alone can not be read.
const QUIET: Duration = Duration::from_secs(10);

pub(super) struct Follower {
    tokens: Weak<Inner>,
    store: Arc<dyn ReadStore>,
    interval: Duration,
    backoff: Backoff,
    /// The number of changes that the tokens in memory have, and when they were read.
    seen: Option<(Option<i64>, Instant)>,
    /// Since when looks fail, and whether that was told.
    failing: Option<(Instant, bool)>,
    file: Option<PathBuf>,
    /// What the file has.
    written: Vec<u8>,
}

impl Follower {
    pub(super) fn new(
        tokens: Weak<Inner>,
        store: Arc<dyn ReadStore>,
        interval: Duration,
        file: Option<PathBuf>,
    ) -> Self {
        let backoff = Backoff::new(interval);
        Self { tokens, store, interval, backoff, seen: None, failing: None, file, written: Vec::new() }
    }

    pub(super) fn store(&self) -> &Arc<dyn ReadStore> {
        &self.store
    }

    /// Looks each interval, until nobody holds the tokens any more. `wait` is how long until the first look.
    pub(super) async fn follow(mut self, mut wait: Duration) {
        loop {
            sleep(wait).await;
            let Some(inner) = self.tokens.upgrade() else { return };
            wait = self.look(&inner, PATIENCE).await;
        }
    }

    /// The look at the start: where the database does not tell, what was kept counts.
    pub(super) async fn first_look(&mut self, inner: &Inner) -> Duration {
        let wait = self.look(inner, FIRST_PATIENCE).await;
        if self.seen.is_none()
            && let Some(file) = self.file.clone()
            && let Ok(Some(kept)) = spawn_blocking(move || Kept::read(&file)).await
        {
            inner.known.store(Arc::new(Known::of(kept, &Known::default())));
        }
        wait
    }

    /// Looks whether the tokens have changed, and gives how long to wait until the next look.
    async fn look(&mut self, inner: &Inner, patience: Duration) -> Duration {
        let looked = timeout(patience, self.read()).await.unwrap_or_else(|elapsed| {
            Err(Error::store(self.store.name(), format!("no answer within {patience:?}"), elapsed))
        });
        match looked {
            Ok(read) => {
                if let Some((kept, changes)) = read {
                    self.keep(&kept).await;
                    // Nobody else writes here.
                    let known = Known::of(kept, &inner.known.load());
                    inner.known.store(Arc::new(known));
                    self.seen = Some((changes, Instant::now()));
                }
                self.backoff.reset();
                if let Some((_, true)) = self.failing.take() {
                    tracing::info!(store = self.store.name(), "tokens are followed again");
                }
                self.interval
            }
            Err(error) => {
                let (since, told) = self.failing.get_or_insert((Instant::now(), false));
                if !*told && since.elapsed() >= QUIET {
                    *told = true;
                    tracing::warn!("{error}; tokens are those of before until the database answers");
                } else {
                    tracing::debug!("{error}");
                }
                self.backoff.next_wait()
            }
        }
    }

    /// The rows with the number of their changes; nothing if it is the one that was seen.
    async fn read(&self) -> Result<Option<(Kept, Option<i64>)>> {
        let Some(tokens) = self.store.token_store() else { return Ok(None) };
        // The number first: a change in between is read twice, and not missed.
        let changes = tokens.token_changes().await?;
        let is_seen =
            changes.is_some() && self.seen.is_some_and(|(seen, at)| seen == changes && at.elapsed() < SWEEP);
        if is_seen {
            return Ok(None);
        }
        Ok(Some((Kept::load(tokens, changes).await?, changes)))
    }

    /// Writes the file, if there is one, and it does not say the same already.
    async fn keep(&mut self, kept: &Kept) {
        let Some(file) = self.file.clone() else { return };
        let text = match kept.text() {
            Ok(text) if text == self.written => return,
            Ok(text) => text,
            Err(error) => return tracing::warn!("the tokens can not be kept: {error}"),
        };
        self.written.clone_from(&text);
        let path = file.clone();
        let written = spawn_blocking(move || replace(&path, &text)).await;
        if let Err(error) = written.unwrap_or_else(|error| Err(error.into())) {
            tracing::warn!("the tokens can not be kept in {}: {error}", file.display());
        }
    }
}
