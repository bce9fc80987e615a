//! Making the tables.

use crate::{
    error::Result,
    store::{change::Author, future::BoxFuture, history::HistoryStore, write::WriteStore},
};

/// Makes the tables and runs scripts in them.
pub trait SchemaStore: WriteStore + HistoryStore {
    /// Brings the tables up to date. Idempotent, and safe from many processes at once. Adopts tables that
    /// the Python original made.
    ///
    /// # Errors
    /// [`Error::Store`] when a statement fails; the database is as before then, except on MySQL,
    /// which commits each statement: running it again goes on from there.
    fn migrate(&self) -> BoxFuture<'_, Result<Migrated>>;

    /// Runs a script of SQL statements in one transaction; it may have none of its own (`begin`, `commit`).
    ///
    /// # Errors
    /// [`Error::Store`] with the database's own words; nothing of the script is kept, except on
    /// MySQL what comes before a statement that makes or changes a table.
    fn run_script<'a>(&'a self, sql: &'a str) -> BoxFuture<'a, Result<()>> {
        const NOBODY: &Author = &Author { actor: None, reason: None };
        self.run_script_by(NOBODY, sql)
    }

    /// As [`run_script`](Self::run_script); the history says who made the changes, and why.
    ///
    /// # Errors
    /// As [`run_script`](Self::run_script).
    fn run_script_by<'a>(&'a self, author: &'a Author, sql: &'a str) -> BoxFuture<'a, Result<()>>;
}

/// What [`SchemaStore::migrate`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Migrated {
    /// The migrations that ran now, as `1 core tables`; empty when the tables were up to date. `triggers` are those that could
    /// not be made before.
    pub applied: Vec<String>,
    /// Whether the core tables were there before novi's first migration, so that they were adopted.
    pub adopted: bool,
    /// Flags without activations in an adopted database: on in novi (R2), never on in the Python original.
    pub without_activations: Vec<String>,
    /// Whether the server refused to make triggers, as a MySQL server may: then changes leave no history. Migrating again
    /// with the right to make them does.
    pub without_triggers: bool,
}
