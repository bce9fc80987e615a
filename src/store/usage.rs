//! When flags were last evaluated, by any process: the table `novi_usage`.
//!
//! It has no foreign key and no triggers: to write it touches no row of `flags`, so that it never waits for who changes flags, nor
//! they for it. It goes by names, since it is names that code asks for.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::{error::Result, store::future::BoxFuture};

/// How often a flag was evaluated since it was last written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// The flag's name.
    pub flag: String,
    /// How often it was on.
    pub on: u64,
    /// How often it was off.
    pub off: u64,
}

/// When a flag was evaluated, in any process, as far as processes write it down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FlagUsage {
    /// The flag's name.
    pub flag: String,
    /// When it was first seen to be evaluated.
    pub first_seen: Option<DateTime<Utc>>,
    /// When it was last evaluated.
    pub last_evaluated: Option<DateTime<Utc>>,
    /// When it was last on.
    pub last_on: Option<DateTime<Utc>>,
    /// When it was last off.
    pub last_off: Option<DateTime<Utc>>,
    /// How often it was evaluated.
    pub evaluations: i64,
}

/// What is written down of all flags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageReport {
    /// Since when the database can keep it.
    pub since: Option<DateTime<Utc>>,
    /// Each flag that was evaluated since then, in the order of names.
    pub flags: Vec<FlagUsage>,
}

/// Keeps when flags were evaluated.
pub trait UsageStore: Send + Sync {
    /// Adds what one process has counted, as of now by the database's clock. Raises no revision and leaves no history.
    ///
    /// # Errors
    /// [`Error::Store`](crate::error::Error::Store) when the database fails or does not let this user write, and
    /// [`Error::NotMigrated`](crate::error::Error::NotMigrated) where the table is not there.
    fn record_usage(&self, usage: Vec<Usage>) -> BoxFuture<'_, Result<()>>;

    /// What is written down.
    ///
    /// # Errors
    /// As [`record_usage`](Self::record_usage).
    fn usage(&self) -> BoxFuture<'_, Result<UsageReport>>;
}
