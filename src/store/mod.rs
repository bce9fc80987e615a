//! Where the rows live: one file a database, each behind the same narrow traits.
//!
//! Reading ([`ReadStore`]) is all that evaluation needs; writing ([`WriteStore`]) and the care of the tables
//! ([`SchemaStore`]) are traits of their own.

pub mod conformance;
mod memory;

use std::{future::Future, pin::Pin};

pub use memory::MemoryStore;

use crate::{
    Result,
    rows::{ActivationRow, FlagMetadata, FlagRow, LinkRow, Revision, Rows},
};

/// A boxed future, which keeps the store traits usable as `dyn`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Reads the rows.
pub trait ReadStore: Send + Sync + 'static {
    /// What people call this store: the kind of database and where it is, without passwords.
    fn name(&self) -> String;

    /// The present revision; cheap, since it is asked all the time.
    ///
    /// # Errors
    /// [`Error::Store`](crate::Error::Store) when the database does not answer,
    /// [`Error::NotMigrated`](crate::Error::NotMigrated) when it has no tables of novi.
    fn revision(&self) -> BoxFuture<'_, Result<Revision>>;

    /// All rows and their revision, as of one moment.
    ///
    /// # Errors
    /// As [`revision`](Self::revision). A row that can not be understood is no error: it carries its faults.
    fn load(&self) -> BoxFuture<'_, Result<Rows>>;
}

/// Changes the rows.
pub trait WriteStore: ReadStore {
    /// Makes all changes, or none, and gives the revision that has them.
    ///
    /// # Errors
    /// [`Error::FlagNotFound`](crate::Error::FlagNotFound), [`Error::Refused`](crate::Error::Refused) for a change
    /// that the tables do not allow (a name that is taken, a row that is not there, an activation that flags use),
    /// [`Error::Store`](crate::Error::Store) when the database fails.
    fn apply(&self, changes: Vec<Change>) -> BoxFuture<'_, Result<Revision>>;
}

/// Makes the tables and runs scripts in them.
pub trait SchemaStore: WriteStore {
    /// Brings the tables up to date. Idempotent, and safe from many processes at once. Adopts tables that
    /// the Python original made.
    ///
    /// # Errors
    /// [`Error::Store`](crate::Error::Store) when a statement fails; the database is as before then, except on MySQL,
    /// which commits each statement: running it again goes on from there.
    fn migrate(&self) -> BoxFuture<'_, Result<Migrated>>;

    /// Runs a script of SQL statements in one transaction.
    ///
    /// # Errors
    /// [`Error::Store`](crate::Error::Store) with the database's own words; nothing of the script is kept.
    fn run_script<'a>(&'a self, sql: &'a str) -> BoxFuture<'a, Result<()>>;
}

/// What [`SchemaStore::migrate`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Migrated {
    /// The migrations that ran now, as `1 core tables`; empty when the tables were up to date.
    pub applied: Vec<String>,
    /// Whether the core tables were there before novi's first migration, so that they were adopted.
    pub adopted: bool,
    /// Flags without activations in an adopted database: on in novi (R2), never on in the Python original.
    pub without_activations: Vec<String>,
}

/// One change of the rows.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Change {
    /// Turns a flag's status on or off.
    SetStatus {
        /// The flag's name.
        flag: String,
        /// Its new status.
        status: bool,
    },
    /// Adds a row to `flags`; its metadata goes to `flag_metadata`.
    InsertFlag(FlagRow),
    /// Adds a row to `activations`.
    InsertActivation(ActivationRow),
    /// Replaces the name, class name and config of the row in `activations` with this id.
    UpdateActivation(ActivationRow),
    /// Adds a row to `flags_activations`.
    Link(LinkRow),
    /// Removes a row from `flags_activations`.
    Unlink(LinkRow),
    /// Replaces what `flag_metadata` holds for a flag (its version and times are kept by the database).
    SetMetadata {
        /// `flags.id`
        flag_id: i64,
        /// The new contents.
        metadata: Box<FlagMetadata>,
    },
    /// Removes a flag, its metadata and its links.
    DeleteFlag {
        /// `flags.id`
        id: i64,
    },
    /// Removes an activation that no flag is linked to.
    DeleteActivation {
        /// `activations.id`
        id: i64,
    },
}

/// todo
pub async fn connect(url: &str) -> Result<std::sync::Arc<dyn SchemaStore>> {
    let _ = url;
    Err(crate::Error::Refused("".into()))
}
