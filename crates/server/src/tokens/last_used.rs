//! Writes `novi_tokens.last_used_at`: uses are recorded in memory, and written in the background.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use chrono::{DateTime, Utc};
use novi::store::{ReadStore, TokenUse};
use tokio::time::{sleep, timeout};

use crate::tokens::token::Token;

/// The interval of writes.
const INTERVAL: Duration = Duration::from_secs(1);

/// The timeout of a write; it is retried.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The uses that are not written yet, by token id.
#[derive(Default)]
pub(crate) struct LastUsed(Mutex<HashMap<i64, DateTime<Utc>>>);

impl LastUsed {
    /// Records the use of a token, if a record is due. Most calls take no lock.
    pub(crate) fn record(&self, token: &Token, now: DateTime<Utc>) {
        if token.last_use.claim(now.timestamp()) {
            self.add(token.id, now);
        }
    }

    fn add(&self, id: i64, at: DateTime<Utc>) {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = uses.entry(id).or_insert(at);
        *last = at.max(*last);
    }

    fn take(&self) -> Vec<TokenUse> {
        let uses = mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        uses.into_iter().map(|(id, at)| TokenUse { id, at }).collect()
    }
}

/// Writes the uses until the tokens are dropped.
pub(crate) async fn write(last_used: Weak<LastUsed>, store: Arc<dyn ReadStore>) {
    let mut failing = false;
    loop {
        sleep(INTERVAL).await;
        let Some(uses) = last_used.upgrade().map(|last_used| last_used.take()) else { return };
        let Some(token_store) = store.token_store().filter(|_| !uses.is_empty()) else { continue };
        let written = timeout(TIMEOUT, token_store.record_token_use(uses.clone())).await;
        let error = match written {
            Ok(Ok(())) => {
                failing = false;
                continue;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("{} did not respond within {TIMEOUT:?}", store.name()),
        };
        let Some(last_used) = last_used.upgrade() else { return };
        for token in uses {
            last_used.add(token.id, token.at);
        }
        // Warned about once: a server without the right to write fails each time.
        if mem::replace(&mut failing, true) {
            tracing::debug!("{error}");
        } else {
            tracing::warn!("{error}; `novi token list` will not show when tokens were last used");
        }
    }
}
