//! Making the tables.

use crate::{
    error::Result,
    store::{change::Author, future::BoxFuture, history::HistoryStore, write::WriteStore},
};

/// Creates the tables, and runs scripts. Only the stores of novi implement it.
pub trait SchemaStore: WriteStore + HistoryStore {
    /// Brings the tables up to date, and makes missing tables, functions and triggers again. Idempotent, and safe from
    /// many processes at once. Adopts the tables of Python novi.
    ///
    /// # Errors
    /// [`Error::Store`](crate::Error::Store) if a statement fails, or if a table that novi needs belongs to
    /// something else. The database is as before then, except on MySQL, which commits each statement: the
    /// next call continues from there.
    fn migrate(&self) -> BoxFuture<'_, Result<Migrated>>;

    /// Which migrations are applied, and what is wrong with the tables. Changes nothing.
    ///
    /// # Errors
    /// [`Error::Store`](crate::Error::Store) if the database cannot be read.
    fn schema_state(&self) -> BoxFuture<'_, Result<SchemaState>>;

    /// The SQL that [`migrate`](Self::migrate) would run, for the database's own client; empty if there is nothing to
    /// do. It records the migrations as applied.
    ///
    /// # Errors
    /// As [`migrate`](Self::migrate).
    fn migration_script(&self) -> BoxFuture<'_, Result<String>>;

    /// Records all migrations as applied without running them, after checking that the tables are those that they
    /// make.
    ///
    /// # Errors
    /// [`Error::Store`](crate::Error::Store) with all problems of the tables.
    fn baseline(&self) -> BoxFuture<'_, Result<SchemaState>>;

    /// Runs a script of SQL statements in one transaction. The script may not begin or end one itself. It runs again
    /// after a deadlock and the like, on MySQL only if it consists of queries and changes of rows.
    ///
    /// # Errors
    /// [`Error::Store`](crate::Error::Store) with the database's own message. Nothing of the script remains,
    /// except on MySQL what comes before a statement that creates or alters a table.
    fn run_script<'a>(&'a self, sql: &'a str) -> BoxFuture<'a, Result<()>> {
        const NOBODY: &Author = &Author { actor: None, reason: None };
        self.run_script_by(NOBODY, sql)
    }

    /// As [`run_script`](Self::run_script), under an author for the history.
    ///
    /// # Errors
    /// As [`run_script`](Self::run_script).
    fn run_script_by<'a>(&'a self, author: &'a Author, sql: &'a str) -> BoxFuture<'a, Result<()>>;
}

/// What [`SchemaStore::migrate`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Migrated {
    /// The migrations that ran, as `migration 1 (tables)`; empty if the tables were up to date.
    pub applied: Vec<String>,
    /// What was wrong with the tables and is right now.
    pub repaired: Vec<String>,
    /// What is still wrong with the tables.
    pub problems: Vec<String>,
    /// Whether the core tables existed before novi's first migration, and were adopted.
    pub adopted: bool,
    /// Flags without activations in an adopted database: on in novi, never on in Python novi.
    pub without_activations: Vec<String>,
    /// Whether the server refused to create triggers, as a MySQL server may: then changes leave no history.
    /// Migrating again with the right to create them adds them.
    pub without_triggers: bool,
}

/// The state of the tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SchemaState {
    /// The migrations that are applied, as `migration 1 (tables)`.
    pub applied: Vec<String>,
    /// The migrations that `migrate` would run.
    pub pending: Vec<String>,
    /// The numbers of applied migrations that this build of novi does not know: a newer novi ran them.
    pub unknown: Vec<i64>,
    /// What is wrong with the tables, such as missing triggers. Empty before the first migration.
    pub problems: Vec<String>,
    /// What else hides rows or hinders changes, such as row-level security, with what to do: `migrate` cannot repair it.
    pub obstacles: Vec<String>,
}
