//! Follows the tokens in the database.

use std::{
    path::PathBuf,
    sync::{Arc, Weak},
    time::Duration,
};

use novi::{
    Error, Result,
    store::{Backoff, ReadStore},
};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep, timeout},
};

use crate::tokens::{
    file::{TokenFile, replace},
    index::TokenIndex,
    shared::Shared,
};

/// The timeout of a query.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The timeout of the first query, which the start of the server awaits.
const FIRST_TIMEOUT: Duration = Duration::from_secs(2);

/// The interval at which the tokens are read although none seems to have changed: MySQL does not notify of a
/// TRUNCATE.
const SWEEP: Duration = Duration::from_secs(30);

/// The shortest time between two refreshes.
const REQUEST_INTERVAL: Duration = Duration::from_millis(20);

/// How long queries must fail before a warning. The follower of the flags warns of an unavailable database at
/// once; this warning is for tokens that alone cannot be read.
const QUIET: Duration = Duration::from_secs(10);

pub(crate) struct Follower {
    tokens: Weak<Shared>,
    store: Arc<dyn ReadStore>,
    interval: Duration,
    backoff: Backoff,
    /// The number of the last change of the current tokens, and when they were read.
    seen: Option<(Option<i64>, Instant)>,
    /// Since when queries fail, and whether that was logged.
    failing: Option<(Instant, bool)>,
    file: Option<PathBuf>,
    /// The content of the file.
    written: Vec<u8>,
}

impl Follower {
    pub(crate) fn new(
        tokens: Weak<Shared>,
        store: Arc<dyn ReadStore>,
        interval: Duration,
        file: Option<PathBuf>,
    ) -> Self {
        let backoff = Backoff::new(interval);
        Self { tokens, store, interval, backoff, seen: None, failing: None, file, written: Vec::new() }
    }

    pub(crate) fn store(&self) -> &Arc<dyn ReadStore> {
        &self.store
    }

    /// Refreshes at each interval, until the tokens are dropped. `wait` is the time until the first refresh.
    pub(crate) async fn follow(mut self, mut wait: Duration) {
        loop {
            let Some(shared) = self.tokens.upgrade() else { return };
            // Unknown tokens cause requests, so they must not cause a query each.
            let requested = async {
                sleep(REQUEST_INTERVAL).await;
                shared.requests.requested().await;
            };
            tokio::select! {
                () = sleep(wait) => {}
                () = requested => {}
            }
            let begun = shared.requests.begin();
            wait = self.refresh(&shared, TIMEOUT).await;
            shared.requests.end(begun);
        }
    }

    /// The refresh at the start. If the database is unavailable, the tokens of the file are used.
    pub(crate) async fn first_refresh(&mut self, shared: &Shared) -> Duration {
        let wait = self.refresh(shared, FIRST_TIMEOUT).await;
        if self.seen.is_none()
            && let Some(file) = self.file.clone()
            && let Ok(Some(file)) = spawn_blocking(move || TokenFile::read(&file)).await
        {
            shared.index.store(Arc::new(TokenIndex::new(file, &TokenIndex::default())));
        }
        wait
    }

    /// Reads the tokens if they have changed. Returns the time until the next refresh.
    async fn refresh(&mut self, shared: &Shared, limit: Duration) -> Duration {
        let read = timeout(limit, self.read()).await.unwrap_or_else(|elapsed| {
            Err(Error::store(self.store.name(), format!("no response within {limit:?}"), elapsed))
        });
        match read {
            Ok(read) => {
                if let Some((tokens, changes)) = read {
                    self.write_file(&tokens).await;
                    // Load and store do not race: only this task stores.
                    let index = TokenIndex::new(tokens, &shared.index.load());
                    shared.index.store(Arc::new(index));
                    self.seen = Some((changes, Instant::now()));
                }
                self.backoff.reset();
                if let Some((_, true)) = self.failing.take() {
                    tracing::info!(store = self.store.name(), "following tokens again");
                }
                self.interval
            }
            Err(error) => {
                let (since, logged) = self.failing.get_or_insert((Instant::now(), false));
                if !*logged && since.elapsed() >= QUIET {
                    *logged = true;
                    tracing::warn!("{error}; using the last tokens until the database is available");
                } else {
                    tracing::debug!("{error}");
                }
                self.backoff.next_wait()
            }
        }
    }

    /// The tokens with the number of their last change. Returns `None` if the number is the same as before.
    async fn read(&self) -> Result<Option<(TokenFile, Option<i64>)>> {
        let Some(tokens) = self.store.token_store() else { return Ok(None) };
        // The number first: a change in between is then read twice, rather than missed.
        let changes = tokens.token_changes().await?;
        let is_seen =
            changes.is_some() && self.seen.is_some_and(|(seen, at)| seen == changes && at.elapsed() < SWEEP);
        if is_seen {
            return Ok(None);
        }
        Ok(Some((TokenFile::load(tokens, changes).await?, changes)))
    }

    /// Writes the file, if there is one and its content differs.
    async fn write_file(&mut self, tokens: &TokenFile) {
        let Some(file) = self.file.clone() else { return };
        let json = match tokens.to_json() {
            Ok(json) if json == self.written => return,
            Ok(json) => json,
            Err(error) => return tracing::warn!("could not write the token file: {error}"),
        };
        self.written.clone_from(&json);
        let path = file.clone();
        let written = spawn_blocking(move || replace(&path, &json)).await;
        if let Err(error) = written.unwrap_or_else(|error| Err(error.into())) {
            tracing::warn!("could not write the token file {}: {error}", file.display());
        }
    }
}
