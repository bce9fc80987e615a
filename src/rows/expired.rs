//! Flags that should be gone.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What happens on account of flags that are past `flag_metadata.expires_at`. They answer as ever: to turn a flag off at a time
/// there is the activation type `novi.expires`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ExpiryPolicy {
    /// Nothing.
    Ignore,
    /// Each is logged once: at the start, or when it expires.
    #[default]
    Warn,
    /// The program does not start with any. While it runs they are logged, as by [`Warn`](Self::Warn).
    Refuse,
}

/// A flag that is past its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ExpiredFlag {
    /// Its name.
    pub flag: String,
    /// Whom to ask, if the metadata say so.
    pub owner: Option<String>,
    /// When it should have been gone.
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
