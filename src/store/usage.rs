//! When flags were last evaluated, by any process: the table `novi_usage`, and how often: `novi_evaluations`.
//!
//! They have no foreign key and no triggers: writing them locks no row of `flags`, so that it never waits for a
//! change of flags, or delays one. Flags are named, since code evaluates them by name.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::{
    error::Result,
    store::{evaluations::HourlyEvaluations, future::BoxFuture, sealed::Sealed},
};

/// How often a flag was evaluated since usage was last recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// The flag's name.
    pub flag: String,
    /// How often it was on.
    pub on: u64,
    /// How often it was off.
    pub off: u64,
}

/// When a flag was evaluated, in all processes that record usage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FlagUsage {
    /// The flag's name.
    pub flag: String,
    /// When an evaluation was first recorded.
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

/// The recorded usage of all flags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UsageReport {
    /// Since when usage can be recorded: when the table was created.
    pub since: Option<DateTime<Utc>>,
    /// The flags that were evaluated since then, by name.
    pub flags: Vec<FlagUsage>,
}

/// Records when flags are evaluated. Only the stores of novi implement it.
pub trait UsageStore: Sealed + Send + Sync {
    /// Adds the counts of one process, as of now by the database's clock. Raises no revision and leaves no
    /// history.
    ///
    /// # Errors
    /// [`Error::Store`](crate::error::Error::Store) if the database fails or the user may not write, and
    /// [`Error::NotMigrated`](crate::error::Error::NotMigrated) if the table does not exist.
    fn record_usage(&self, usage: Vec<Usage>) -> BoxFuture<'_, Result<()>>;

    /// The recorded usage.
    ///
    /// # Errors
    /// As [`record_usage`](Self::record_usage).
    fn usage(&self) -> BoxFuture<'_, Result<UsageReport>>;

    /// The recorded usage of some flags.
    ///
    /// # Errors
    /// As [`record_usage`](Self::record_usage).
    fn usage_of<'a>(&'a self, flags: &'a [String]) -> BoxFuture<'a, Result<UsageReport>>;

    /// Adds the evaluations of one process to those of its hours: all or none of them. Raises no revision and
    /// leaves no history.
    ///
    /// # Errors
    /// As [`record_usage`](Self::record_usage).
    fn record_evaluations(&self, counts: Vec<HourlyEvaluations>) -> BoxFuture<'_, Result<()>>;

    /// The evaluations of some flags in the hour of `since` and all later ones, by flag, hour and result.
    ///
    /// # Errors
    /// As [`record_usage`](Self::record_usage).
    fn evaluations<'a>(
        &'a self,
        flags: &'a [String],
        since: DateTime<Utc>,
    ) -> BoxFuture<'a, Result<Vec<HourlyEvaluations>>>;

    /// Deletes the evaluations of hours before that of `before`, in small batches, and returns how many rows were
    /// deleted.
    ///
    /// # Errors
    /// As [`record_usage`](Self::record_usage).
    fn prune_evaluations(&self, before: DateTime<Utc>) -> BoxFuture<'_, Result<u64>>;
}
