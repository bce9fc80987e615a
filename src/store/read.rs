//! Reading rows.

#[cfg(feature = "sql")]
use std::{sync::Arc, time::Duration};

#[cfg(feature = "sql")]
use crate::store::{hints::Hints, tokens::TokenStore};
use crate::{
    error::Result,
    rows::{Revision, Rows},
    store::{
        delta::{Cursor, ReadSession},
        future::BoxFuture,
        usage::UsageStore,
    },
};

/// Reads the rows.
pub trait ReadStore: Send + Sync + 'static {
    /// What people call this store: the kind of database and where it is, without passwords.
    fn name(&self) -> String;

    /// The present revision; cheap, since it is asked all the time.
    ///
    /// # Errors
    /// [`Error::Store`] when the database does not answer,
    /// [`Error::NotMigrated`] when it has no tables of novi.
    fn revision(&self) -> BoxFuture<'_, Result<Revision>>;

    /// All rows and their revision, as of one moment.
    ///
    /// # Errors
    /// As [`revision`](Self::revision). A row that can not be understood is no error: it carries its faults.
    fn load(&self) -> BoxFuture<'_, Result<Rows>>;

    /// Begins to read what has changed since a moment. Nothing for a store whose rows are always read as a whole.
    ///
    /// # Errors
    /// As [`revision`](Self::revision).
    fn session(&self) -> BoxFuture<'_, Result<Option<Box<dyn ReadSession>>>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Notes that this state has been seen, after an earlier one, for a store whose history needs that to be in order: MySQL,
    /// where several writers count by themselves. Who can not write leaves it to others.
    fn note_seen<'a>(&'a self, before: &'a Cursor, now: &'a Cursor) -> BoxFuture<'a, ()> {
        let _ = (before, now);
        Box::pin(std::future::ready(()))
    }

    /// What tells of changes at once, if the store has that. The future runs for as long as the rows are followed, and looks
    /// for changes `every` so often where it can but look. Hints are that and no more: one that is lost makes a change
    /// be seen later, at the next look at the revision.
    #[cfg(feature = "sql")]
    fn hints(&self, hints: Arc<Hints>, every: Duration) -> Option<BoxFuture<'static, ()>> {
        let _ = (hints, every);
        None
    }

    /// Where it is written down which flags were evaluated, if this store can do that.
    fn usage_store(&self) -> Option<&dyn UsageStore> {
        None
    }

    /// Where it is kept who may call a server, if this store can do that.
    #[cfg(feature = "sql")]
    fn token_store(&self) -> Option<&dyn TokenStore> {
        None
    }
}
