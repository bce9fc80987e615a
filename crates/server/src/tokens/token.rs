//! A token.

use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};
use novi::store::token::{Role, TokenHash};

/// A valid token.
#[derive(Debug)]
#[non_exhaustive]
pub struct Token {
    /// `novi_tokens.id`
    pub id: i64,
    /// The name of its holder in the history.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// The only user that its holder may evaluate for; any user if it is `None`.
    pub subject: Option<String>,
    pub(crate) hash: TokenHash,
    pub(crate) expires_at: Option<DateTime<Utc>>,
    pub(crate) revoked: bool,
    pub(crate) last_use: LastUse,
}

impl Token {
    pub(crate) fn has_expired(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

/// When the use of a token was last recorded, in seconds since 1970.
#[derive(Debug)]
pub(crate) struct LastUse(AtomicI64);

impl LastUse {
    /// The shortest time between two records of one token, in seconds. Each record costs a write to the
    /// database.
    const INTERVAL: i64 = 60;

    pub(crate) fn new(seconds: Option<i64>) -> Self {
        Self(AtomicI64::new(seconds.unwrap_or(0)))
    }

    pub(crate) fn seconds(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Returns `true` if a record is due; of several threads, only to one.
    pub(crate) fn claim(&self, now: i64) -> bool {
        let last = self.seconds();
        now.saturating_sub(last) >= Self::INTERVAL
            && self.0.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}
