//! What has been: a record of every change, the rows as of a past moment, and the way back to them.
//!
//! The records are written by the triggers of the tables (`flag_history`), in the transaction of the change: one a row
//! that changes, whoever changes it.

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
pub use retention::Keep;
pub use rollback::{Scope, rollback};

pub use crate::store::change::FieldChange;
use crate::{
    error::Result,
    rows::Rows,
    store::{future::BoxFuture, read::ReadStore},
};

/// Reads the history of the rows, and shortens it.
pub trait HistoryStore: ReadStore {
    /// The records that a query asks for.
    ///
    /// # Errors
    /// [`Error::FlagNotFound`](crate::error::Error::FlagNotFound) when no flag has, or ever had, the name that is asked for;
    /// else as [`ReadStore::load`].
    fn history<'a>(&'a self, query: &'a HistoryQuery) -> BoxFuture<'a, Result<Vec<HistoryRecord>>>;

    /// All rows as they were then. Versions and times of `flag_metadata` are those that the nearest record has.
    ///
    /// # Errors
    /// [`Error::NotKept`](crate::error::Error::NotKept) for a moment before the history begins, or a revision above the
    /// present one; else as [`ReadStore::load`].
    fn rows_at(&self, moment: AsOf) -> BoxFuture<'_, Result<Rows>>;

    /// Deletes the records that tell of moments before this one only, and gives their number. They go in small
    /// transactions, so that nobody waits long. A moment before the first record deletes nothing.
    ///
    /// # Errors
    /// [`Error::Store`](crate::error::Error::Store) when the database fails; what is deleted by then stays deleted, and the rest can
    /// be read as before.
    fn prune(&self, before: AsOf) -> BoxFuture<'_, Result<u64>>;

    /// Whether the tables have novi's triggers. Where a MySQL server refuses to make them, changes leave no history, and do not
    /// raise the revision unless novi makes them: whoever follows the rows has to read all of them now and then.
    ///
    /// # Errors
    /// As [`ReadStore::load`].
    fn has_triggers(&self) -> BoxFuture<'_, Result<bool>>;
}
