//! Where the rows live: one file a database, each behind the same narrow traits.
//!
//! Reading ([`ReadStore`]) is all that evaluation needs; writing ([`WriteStore`]) and the care of the tables
//! ([`SchemaStore`]) are traits of their own.

mod apply;
#[cfg(feature = "sql")]
pub(crate) mod backoff;
mod constraints;
mod delta;
mod edit;
pub(crate) mod file;
mod hints;
pub mod history;
#[cfg(feature = "sql")]
mod lazy;
mod memory;
#[cfg(feature = "sql")]
mod sql;
mod stale;
#[cfg(feature = "sql")]
pub(crate) mod tokens;
#[cfg(feature = "sql")]
mod transaction;
mod url;
mod usage;

#[cfg(feature = "sql")]
use std::time::Duration;
use std::{future::Future, pin::Pin, sync::Arc};

pub(crate) use apply::sort;
#[cfg(feature = "sql")]
pub use backoff::Backoff;
#[cfg(feature = "mysql")]
use delta::TABLES;
pub use delta::{Changed, Cursor, Fingerprint, ReadSession, Selection};
pub use edit::{Edit, Expected, Validate, Versioned};
pub use file::SnapshotFile;
#[cfg(feature = "sql")]
pub use hints::Hints;
pub use history::HistoryStore;
#[cfg(feature = "sql")]
pub(crate) use lazy::{LateStore, may_come_back};
pub use memory::MemoryStore;
use serde::{Deserialize, Serialize};
#[cfg(feature = "mysql")]
pub use sql::mysql::MySqlStore;
#[cfg(feature = "postgres")]
pub use sql::postgres::PostgresStore;
#[cfg(feature = "sqlite")]
pub use sql::sqlite::SqliteStore;
pub use stale::{StaleFlag, Staleness, stale};
#[cfg(feature = "sql")]
pub use tokens::secret as token;
#[cfg(feature = "sql")]
pub use tokens::{NewToken, StoredToken, TokenRow, TokenStore, TokenUse};
#[cfg(feature = "sql")]
pub use transaction::WriteConnection;
pub use usage::{FlagUsage, Usage, UsageReport, UsageStore};

use crate::{
    error::{Error, Result},
    rows::{ActivationRow, FlagMetadata, FlagRow, LinkRow, MemberRow, Revision, Rows},
};

/// Four flags to try novi with, as SQL for each of the databases: `seeds/demo.sql`.
pub const DEMO_ROWS: &str = include_str!("../../seeds/demo.sql");

/// How the error of a SQLite file that is not there begins.
#[cfg(feature = "sql")]
const NO_FILE: &str = "there is no file ";

/// A boxed future, which keeps the store traits usable as `dyn`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

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

/// Changes the rows.
pub trait WriteStore: ReadStore {
    /// Makes all changes of the edit, or none, and gives the revision that has them.
    ///
    /// Rows that the edit [expects](Edit::expected) at a version are locked before they are compared, and what its
    /// [validator](Edit::validator) looks at is read in the same transaction.
    ///
    /// # Errors
    /// [`Error::FlagNotFound`], [`Error::Refused`] for a change
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

/// Who makes a change, and why, for the history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Author {
    /// Who; without a name it is the database's user, of which SQLite has none.
    pub actor: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

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

/// One change of the rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Change {
    /// Turns a flag's status on or off.
    SetStatus {
        /// The flag's name.
        flag: String,
        /// Its new status.
        status: bool,
    },
    /// Adds a row to `flags`, with an id of 1 or more and a name of at most 255 characters; its metadata goes to
    /// `flag_metadata`.
    InsertFlag(FlagRow),
    /// Gives a flag another name, of at most 255 characters.
    RenameFlag {
        /// `flags.id`
        id: i64,
        /// The new name.
        name: String,
    },
    /// Adds a row to `activations`, with an id of 1 or more and names of at most 255 characters.
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
    /// Removes an activation that no flag is linked to, and its members.
    DeleteActivation {
        /// `activations.id`
        id: i64,
    },
    /// Adds a row to `activation_members`, whose text has at most 255 characters.
    InsertMember(MemberRow),
    /// Removes a row from `activation_members`.
    DeleteMember {
        /// `activations.id`
        activation_id: i64,
        /// The value.
        member: String,
    },
}

/// Opens the database at this address: `sqlite://novi.db`, `sqlite::memory:`, `postgres://user:password@host/database`
/// or `mysql://user:password@host/database` (`mariadb:` is the same). A server is connected to when it is first asked.
///
/// # Errors
/// [`Error::DatabaseUrl`] when the address is wrong, a SQLite file is not there, or this build of novi has not the
/// database's feature; [`Error::Store`] when a SQLite file can not be opened.
pub async fn connect(url: &str) -> Result<Arc<dyn SchemaStore>> {
    open(url, false).await
}

/// As [`connect`], but makes a SQLite file that is not there: for `novi migrate` and for tests.
///
/// # Errors
/// As [`connect`].
pub async fn create(url: &str) -> Result<Arc<dyn SchemaStore>> {
    open(url, true).await
}

#[allow(clippy::unused_async, unused_variables, reason = "which of them await depends on the features")]
async fn open(url: &str, create: bool) -> Result<Arc<dyn SchemaStore>> {
    let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
    let wrong = |message: String| Err(Error::DatabaseUrl { url: url::redacted(url), message });
    match scheme {
        #[cfg(feature = "sqlite")]
        "sqlite" if create => Ok(Arc::new(SqliteStore::create(url).await?)),
        #[cfg(feature = "sqlite")]
        "sqlite" => Ok(Arc::new(SqliteStore::connect(url).await?)),
        #[cfg(feature = "postgres")]
        "postgres" | "postgresql" => Ok(Arc::new(PostgresStore::connect(url)?)),
        #[cfg(feature = "mysql")]
        "mysql" | "mariadb" => Ok(Arc::new(MySqlStore::connect(url)?)),
        #[cfg(not(feature = "sqlite"))]
        "sqlite" => wrong(missing_feature("sqlite")),
        #[cfg(not(feature = "postgres"))]
        "postgres" | "postgresql" => wrong(missing_feature("postgres")),
        #[cfg(not(feature = "mysql"))]
        "mysql" | "mariadb" => wrong(missing_feature("mysql")),
        _ => wrong(
            "expected an address that starts with sqlite:, postgres:, postgresql:, mysql: or mariadb:, \
             such as sqlite://novi.db"
                .to_owned(),
        ),
    }
}

#[cfg(not(all(feature = "sqlite", feature = "postgres", feature = "mysql")))]
fn missing_feature(feature: &str) -> String {
    format!("this build of novi has not that database: enable the feature `{feature}` of the crate `novi`")
}
