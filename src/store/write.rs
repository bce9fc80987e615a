//! Changing rows.

use crate::{
    error::Result,
    rows::Revision,
    store::{
        change::{Author, Change},
        edit::Edit,
        future::BoxFuture,
        read::ReadStore,
    },
};

/// Changes the rows.
pub trait WriteStore: ReadStore {
    /// Makes all changes of the edit, or none, and gives the revision that has them.
    ///
    /// Rows that the edit [expects](Edit::expected) at a version are locked before they are compared, and what its
    /// [validator](Edit::validator) looks at is read in the same transaction.
    ///
    /// # Errors
    /// [`Error::FlagNotFound`], [`Error::Constraint`] for a change
    /// that the tables do not allow (a name that is taken, a row that is not there, an activation that flags use),
    /// [`Error::Conflict`] for a row that is not at the version that was expected, [`Error::Invalid`] for an edit that its
    /// validator refuses, [`Error::Store`] when the database fails.
    fn commit(&self, edit: Edit) -> BoxFuture<'_, Result<Revision>>;

    /// Makes all changes, or none, and gives the revision that has them: the plain form of [`commit`](Self::commit).
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    fn apply(&self, changes: Vec<Change>) -> BoxFuture<'_, Result<Revision>> {
        self.commit(Edit::new(changes))
    }

    /// As [`apply`](Self::apply); the history, where there is one, says who made the changes, and why.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    fn apply_by<'a>(&'a self, author: &'a Author, changes: Vec<Change>) -> BoxFuture<'a, Result<Revision>> {
        self.commit(Edit::new(changes).by(author.clone()))
    }
}
