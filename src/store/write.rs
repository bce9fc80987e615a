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

/// Changes rows.
pub trait WriteStore: ReadStore {
    /// Makes all changes of the edit, or none, and returns the revision that has them.
    ///
    /// Rows that the edit [expects](Edit::expected) at a version are locked before they are compared, and its
    /// [validator](Edit::validator) gets rows that are read in the same transaction.
    ///
    /// # Errors
    /// [`Error::FlagNotFound`](crate::Error::FlagNotFound); [`Error::Constraint`](crate::Error::Constraint)
    /// for a change that breaks a rule of the tables (a duplicate name, a missing row, an activation in use);
    /// [`Error::Conflict`](crate::Error::Conflict) for a row that has another version than expected;
    /// [`Error::RevisionChanged`](crate::Error::RevisionChanged) if the rows have another revision than
    /// [expected](Edit::expect_revision);
    /// [`Error::Invalid`](crate::Error::Invalid) if the validator rejects the edit;
    /// [`Error::Store`](crate::Error::Store) if the database fails.
    fn commit(&self, edit: Edit) -> BoxFuture<'_, Result<Revision>>;

    /// Makes all changes, or none, and returns the revision that has them: the short form of
    /// [`commit`](Self::commit).
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    fn apply(&self, changes: Vec<Change>) -> BoxFuture<'_, Result<Revision>> {
        self.commit(Edit::new(changes))
    }

    /// As [`apply`](Self::apply), under an author for the history.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    fn apply_by<'a>(&'a self, author: &'a Author, changes: Vec<Change>) -> BoxFuture<'a, Result<Revision>> {
        self.commit(Edit::new(changes).by(author.clone()))
    }
}
