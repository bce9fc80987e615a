//! Reading rows.

#[cfg(feature = "sql")]
use std::{sync::Arc, time::Duration};

#[cfg(feature = "sql")]
use crate::store::{hints::Hints, tokens::TokenStore};
use crate::{
    error::Result,
    rows::{Revision, Rows},
    store::{
        assignments::AssignmentStore,
        delta::{Cursor, ReadSession},
        future::BoxFuture,
        usage::UsageStore,
    },
};

/// Reads rows.
pub trait ReadStore: Send + Sync + 'static {
    /// The kind of database and where it is, without passwords, for errors and logs.
    fn name(&self) -> String;

    /// The current revision. Cheap: it is polled.
    ///
    /// # Errors
    /// [`Error::Store`](crate::Error::Store) if the database does not respond,
    /// [`Error::NotMigrated`](crate::Error::NotMigrated) if it has no tables of novi.
    fn revision(&self) -> BoxFuture<'_, Result<Revision>>;

    /// All rows and their revision, read in one transaction.
    ///
    /// # Errors
    /// As [`revision`](Self::revision). An invalid row is no error: it has
    /// [faults](crate::rows::FlagRow::faults).
    fn load(&self) -> BoxFuture<'_, Result<Rows>>;

    /// Begins a transaction that reads what has changed. `None` for a store whose rows are always read as a
    /// whole.
    ///
    /// # Errors
    /// As [`revision`](Self::revision).
    fn session(&self) -> BoxFuture<'_, Result<Option<Box<dyn ReadSession>>>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Notes that a reader has seen this state, after an earlier one, for a store whose history needs that to
    /// be in order: MySQL, where each connection counts by itself. A user without the right to write skips
    /// it.
    fn note_seen<'a>(&'a self, before: &'a Cursor, now: &'a Cursor) -> BoxFuture<'a, ()> {
        let _ = (before, now);
        Box::pin(std::future::ready(()))
    }

    /// Reports changes at once, if the store can. The future runs for as long as the rows are followed, and
    /// polls at this interval where polling is all it can do. A lost hint only delays a change until the
    /// revision is next polled.
    #[cfg(feature = "sql")]
    fn hints(&self, hints: Arc<Hints>, every: Duration) -> Option<BoxFuture<'static, ()>> {
        let _ = (hints, every);
        None
    }

    /// How many processes follow the rows of this database at the moment, this one included. `None` if the database
    /// cannot tell: only PostgreSQL knows the connections that wait for changes; elsewhere processes poll.
    ///
    /// # Errors
    /// As [`revision`](Self::revision).
    fn followers(&self) -> BoxFuture<'_, Result<Option<u64>>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    /// A number that differs once the store leads to another database, such as a SQLite file that was replaced:
    /// equal revisions of both say nothing.
    fn generation(&self) -> u64 {
        0
    }

    /// What the names of its tables begin with: the setting `table_prefix`. Usually nothing.
    fn table_prefix(&self) -> &str {
        <&str>::default()
    }

    /// Records which flags are evaluated, if this store can.
    fn usage_store(&self) -> Option<&dyn UsageStore> {
        None
    }

    /// Records which variants units of experiments had, if this store can.
    fn assignment_store(&self) -> Option<&dyn AssignmentStore> {
        None
    }

    /// The API tokens of a server, if this store has any.
    #[cfg(feature = "sql")]
    fn token_store(&self) -> Option<&dyn TokenStore> {
        None
    }
}
