//! Flags that are past their `expires_at`.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What happens if flags are past `flag_metadata.expires_at`. Their evaluation does not change: to turn a
/// flag off at a time there is the activation type `novi.expires`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ExpiryPolicy {
    /// Nothing happens.
    Ignore,
    /// Each is logged once: at startup, or when it expires.
    #[default]
    Warn,
    /// The program does not start. While it runs they are logged, as with [`Warn`](Self::Warn).
    Refuse,
}

/// A flag that has expired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ExpiredFlag {
    /// Its name.
    pub flag: String,
    /// Its owner, from the metadata.
    pub owner: Option<String>,
    /// When it expired.
    pub expires_at: DateTime<Utc>,
}

impl fmt::Display for ExpiredFlag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let expired = self.expires_at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
        match &self.owner {
            Some(owner) => write!(f, "{:?} (owner {owner}, expired {expired})", self.flag),
            None => write!(f, "{:?} (without an owner, expired {expired})", self.flag),
        }
    }
}
