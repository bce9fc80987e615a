//! When flags were last evaluated, by any process: the table `novi_usage`.
//!
//! It has no foreign key and no triggers: to write it touches no row of `flags`, so that it never waits for who changes flags, nor
//! they for it. It goes by names, since it is names that code asks for.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::{error::Result, store::BoxFuture};

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

/// How many flags are written at once. Locks are held that long: on SQLite a writer of flags waits for it.
#[cfg(feature = "sql")]
pub(super) const BATCH: usize = 200;

/// A row of the table as the statements of the databases give it, with its times as text.
#[cfg(feature = "sql")]
pub(super) type UsageRow = (String, Option<String>, Option<String>, Option<String>, Option<String>, i64);

#[cfg(feature = "sql")]
impl UsageReport {
    pub(super) fn of(since: Option<String>, rows: Vec<UsageRow>) -> Self {
        let time = |text: Option<String>| {
            let time = DateTime::parse_from_rfc3339(&text?).ok()?;
            Some(time.to_utc())
        };
        let flag = |(flag, first_seen, last_evaluated, last_on, last_off, evaluations): UsageRow| FlagUsage {
            flag,
            first_seen: time(first_seen),
            last_evaluated: time(last_evaluated),
            last_on: time(last_on),
            last_off: time(last_off),
            evaluations,
        };
        Self { since: time(since), flags: rows.into_iter().map(flag).collect() }
    }
}

/// A count as databases have numbers.
#[cfg(feature = "sql")]
pub(super) fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Implements [`UsageStore`] for a store with `USAGE` and `USAGE_SINCE`, which read the table, and `write_usage`, which writes
/// one batch.
#[cfg(feature = "sql")]
macro_rules! usage_store {
    ($store:ident) => {
        impl UsageStore for $store {
            fn record_usage(&self, mut usage: Vec<Usage>) -> BoxFuture<'_, Result<()>> {
                Box::pin(async move {
                    // All processes take the rows in the same order, so that none waits for another in a circle.
                    usage.sort_by(|one, other| one.flag.cmp(&other.flag));
                    for batch in usage.chunks(usage::BATCH) {
                        let written = write_usage(&self.pool, batch).await;
                        written.map_err(|error| {
                            self.failed("could not write down which flags were evaluated", error)
                        })?;
                    }
                    Ok(())
                })
            }

            fn usage(&self) -> BoxFuture<'_, Result<UsageReport>> {
                Box::pin(async move {
                    let read = async {
                        let mut connection = sql::acquire(&self.pool).await?;
                        let since =
                            sqlx::query_scalar(USAGE_SINCE).fetch_optional(&mut *connection).await?.flatten();
                        let rows = sqlx::query_as(USAGE).fetch_all(&mut *connection).await?;
                        Ok(UsageReport::of(since, rows))
                    };
                    read.await
                        .map_err(|error| self.failed("could not read which flags were evaluated", error))
                })
            }
        }
    };
}
#[cfg(feature = "sql")]
pub(super) use usage_store;
