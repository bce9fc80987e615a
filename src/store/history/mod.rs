//! The history: a record of every change, the rows as of a past moment, and the changes back to them.
//!
//! Triggers of the tables write the records (`flag_history`) in the transaction of the change: one per
//! changed row, for changes by any client.

mod difference;
pub(crate) mod moment;
pub(crate) mod query;
pub(crate) mod record;
#[cfg(feature = "sql")]
pub(super) mod replay;
mod retention;
mod rollback;

pub use difference::{Difference, differences};
pub use moment::AsOf;
pub use query::HistoryQuery;
pub use record::{Entity, HistoryRecord, Operation};
pub use retention::Retention;
pub use rollback::{Scope, rollback};

use chrono::{DateTime, Utc};

use crate::{
    error::Result,
    rows::{Revision, Rows},
    store::{edit::Edit, future::BoxFuture, read::ReadStore, sealed::Sealed},
};

/// Reads and prunes the history. Only the stores of novi implement it.
pub trait HistoryStore: ReadStore + Sealed {
    /// The records of a query.
    ///
    /// # Errors
    /// [`Error::FlagNotFound`](crate::error::Error::FlagNotFound) if no flag has, or ever had, the name of
    /// the query; else as [`ReadStore::load`].
    fn history<'a>(&'a self, query: &'a HistoryQuery) -> BoxFuture<'a, Result<Vec<HistoryRecord>>>;

    /// All rows as they were at a moment. Versions and times of `flag_metadata` are those of the nearest
    /// record. At a time means before the first revision that is later, also if the clock was set back since.
    ///
    /// # Errors
    /// [`Error::RevisionUnavailable`](crate::error::Error::RevisionUnavailable) for a moment before the
    /// history begins, or a revision that does not exist yet; else as [`ReadStore::load`].
    fn rows_at(&self, moment: AsOf) -> BoxFuture<'_, Result<Rows>>;

    /// Makes the changes of all edits, in one transaction, and records each edit as if it had been made at its
    /// time: the history of another system. Returns the revision that has them all.
    ///
    /// # Errors
    /// [`Error::RevisionUnavailable`](crate::error::Error::RevisionUnavailable) if the times are not in order, are in
    /// the future, or are before that of a record that is there; else as
    /// [`WriteStore::commit`](crate::store::WriteStore::commit).
    fn commit_past(&self, edits: Vec<(DateTime<Utc>, Edit)>) -> BoxFuture<'_, Result<Revision>>;

    /// Deletes the records that only describe earlier moments, and returns how many. Small transactions keep
    /// others from waiting long. A moment before the first record deletes nothing. For a time, records are
    /// deleted in the order of revisions up to the first that is later, so that a record with a wrong time
    /// deletes no other.
    ///
    /// # Errors
    /// [`Error::RevisionUnavailable`](crate::error::Error::RevisionUnavailable) for a revision that is not in
    /// the history, or a time more than an hour after that of the database: then a clock is wrong.
    /// [`Error::Store`](crate::error::Error::Store) if the database fails; records that are deleted by then
    /// stay deleted, and the rest can be read as before.
    fn prune(&self, before: AsOf) -> BoxFuture<'_, Result<u64>>;
}
