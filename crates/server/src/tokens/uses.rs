//! When tokens were last used: noted in memory at once, written to the database now and then.

use std::{
    collections::HashMap,
    mem,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use novi::store::{ReadStore, TokenUse};
use tokio::time::{sleep, timeout};

use super::{Inner, Token};

/// A token that is used all the time is noted so often, in seconds. Nobody needs to know it better, and each note costs a write.
const EACH: i64 = 60;

/// How long a note may lie in memory.
const WRITE: Duration = Duration::from_secs(1);

/// A database that says nothing for so long is asked again later.
const PATIENCE: Duration = Duration::from_secs(10);

/// When a token was last noted, in seconds since 1970.
#[derive(Debug)]
pub(super) struct LastUse(AtomicI64);

impl LastUse {
    pub(super) fn new(seconds: Option<i64>) -> Self {
        Self(AtomicI64::new(seconds.unwrap_or(0)))
    }

    pub(super) fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Takes the note on itself, if it is time for one.
    fn is_due(&self, now: i64) -> bool {
        let last = self.get();
        now.saturating_sub(last) >= EACH
            && self.0.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// Notes that are to be written, by the ids of tokens.
#[derive(Default)]
pub(super) struct Uses(Mutex<HashMap<i64, DateTime<Utc>>>);

impl Uses {
    pub(super) fn note(&self, token: &Token, now: DateTime<Utc>) {
        // Most calls end here, without a lock.
        if token.used.is_due(now.timestamp()) {
            self.add(token.id, now);
        }
    }

    fn add(&self, id: i64, at: DateTime<Utc>) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = notes.entry(id).or_insert(at);
        *last = at.max(*last);
    }

    fn take(&self) -> Vec<TokenUse> {
        let notes = mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        notes.into_iter().map(|(id, at)| TokenUse { id, at }).collect()
    }
}

/// Writes the notes until nobody holds the tokens any more.
pub(super) async fn write(tokens: Weak<Inner>, store: Arc<dyn ReadStore>) {
    let mut fails = false;
    loop {
        sleep(WRITE).await;
        let Some(inner) = tokens.upgrade() else { return };
        let uses = inner.uses.take();
        // Not held while the database is waited for.
        drop(inner);
        let Some(kept) = store.token_store().filter(|_| !uses.is_empty()) else { continue };
        let written = timeout(PATIENCE, kept.record_token_use(uses.clone())).await;
        let error = match written {
            Ok(Ok(())) => {
                fails = false;
                continue;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("{} did not answer within {PATIENCE:?}", store.name()),
        };
        let Some(inner) = tokens.upgrade() else { return };
        // Written later. That a server may only read is told once, not each minute.
        for token in uses {
            inner.uses.add(token.id, token.at);
        }
        if mem::replace(&mut fails, true) {
            tracing::debug!("{error}");
        } else {
            tracing::warn!("{error}; `novi token list` does not know when tokens were used");
        }
    }
}
