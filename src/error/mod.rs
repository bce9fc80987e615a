//! Errors of operations. An invalid row is no error but an [`Issue`]; why a flag
//! has its state is a [`Reason`](crate::snapshot::decision::Reason).

pub mod json_terms;
pub(crate) mod snapshot_file;
pub(crate) mod suggest;
pub mod unique_names;

pub use snapshot_file::SnapshotFault;

use std::{fmt, path::PathBuf};

use crate::rows::{conflict::Conflict, issue::Issue, violation::Violation};

/// A failed operation. It has changed nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No flag has this name.
    #[error("flag {name:?} was not found{}", suggestion(.similar.as_deref()))]
    FlagNotFound {
        /// The unknown name.
        name: String,
        /// A flag with a similar name.
        similar: Option<String>,
    },
    /// Two activation types claim one class name.
    #[error("class {class:?} is registered twice: {first} and {second}")]
    DuplicateClass {
        /// The class name or alias.
        class: String,
        /// The file and line of one.
        first: String,
        /// The file and line of the other.
        second: String,
    },
    /// The address of a database is invalid, or this build does not support the database.
    #[error("database url {url:?}: {message}")]
    DatabaseUrl {
        /// The address, without its password.
        url: String,
        /// The problem, and what to do.
        message: String,
    },
    /// The file of a SQLite database does not exist.
    #[error("database url {url:?}: there is no file {}: run `novi migrate` to create it, or correct the path", path.display())]
    MissingFile {
        /// The address.
        url: String,
        /// The file.
        path: PathBuf,
    },
    /// The database failed.
    #[error("{action} ({store}): {source}")]
    Store {
        /// Which database, without passwords.
        store: String,
        /// The failed action, such as "could not read the rows".
        action: String,
        /// The error of the database or its driver.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The tables of novi cannot record a change, as after an incomplete restore. Nothing was changed.
    #[error("{action} ({store}): {problem}; run `novi migrate` to repair the tables: {source}")]
    DamagedTables {
        /// Which database, without passwords.
        store: String,
        /// The failed action, such as "could not change the rows".
        action: String,
        /// What is wrong with the tables.
        problem: String,
        /// The error of the database or its driver.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another transaction was in the way: a deadlock, or a lock that was not released in time. Nothing was
    /// changed. The stores have tried again already, unless the transaction is the caller's.
    #[error(
        "{action} ({store}): another transaction was in the way and nothing was changed, try again: {source}"
    )]
    Contention {
        /// Which database, without passwords.
        store: String,
        /// The failed action, such as "could not change the rows".
        action: String,
        /// The error of the database or its driver.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database has no tables of novi.
    #[error("{store} has no novi tables: run `novi migrate`, or call `migrate` on the store")]
    NotMigrated {
        /// Which database.
        store: String,
    },
    /// A change breaks rules of the tables: every rule. None of the changes of its edit were made.
    #[error("{}", Lines(.0))]
    Constraint(Vec<Violation>),
    /// The connection that was to write is in no transaction.
    #[error(
        "expected a connection in a transaction that sqlx has begun (`pool.begin()`): outside of one nothing would commit \
         the change"
    )]
    NoTransaction,
    /// A row has changed since the author of the edit read it. None of the changes were made.
    #[error("{0}")]
    Conflict(Box<Conflict>),
    /// The rows have another revision than the author of the edit expects. None of the changes were made.
    #[error(
        "expected revision {expected}, found revision {found}: the rows have changed since you read them; read them again \
         and retry"
    )]
    RevisionChanged {
        /// The revision that the author has read.
        expected: i64,
        /// The revision that the rows have.
        found: i64,
    },
    /// An edit would make rows invalid, or breaks rules of the tables: all problems. None of its changes were
    /// made.
    #[error("the change was rejected: {}", Problems(.0))]
    Invalid(Vec<Issue>),
    /// The history does not reach the moment.
    #[error("{0}")]
    RevisionUnavailable(String),
    /// A file could not be read.
    #[error("could not read {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A snapshot file cannot be read or written.
    #[error("snapshot file {}: {source}", path.display())]
    Snapshot {
        /// The file.
        path: PathBuf,
        /// Why, and what to do.
        source: snapshot_file::SnapshotFault,
    },
    /// Flags have expired, and the configuration refuses to start then.
    #[error(
        "flags have expired and [flags] expired = \"refuse\": {}; remove them, or change flag_metadata.expires_at",
        listed(flags)
    )]
    Expired {
        /// Each of them, in the order of their ids.
        flags: Vec<crate::rows::expired::ExpiredFlag>,
    },
    /// The configuration has an unknown key or a value of the wrong type.
    #[error("{origin}: {message}")]
    Config {
        /// The file or the environment variable.
        origin: String,
        /// The place, what was expected, and what was found.
        message: String,
    },
}

impl Error {
    /// An error of a store.
    pub fn store(
        store: impl Into<String>,
        action: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Store { store: store.into(), action: action.into(), source: source.into() }
    }
}

/// Each on a line of its own.
struct Lines<'a>(&'a [Violation]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, violation) in self.0.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { "\n" })?;
            violation.fmt(f)?;
        }
        Ok(())
    }
}

impl From<Violation> for Error {
    fn from(violation: Violation) -> Self {
        Self::Constraint(vec![violation])
    }
}

/// One problem on the same line, several on a line each.
struct Problems<'a>(&'a [Issue]);

impl fmt::Display for Problems<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [problem] = self.0 {
            return problem.fmt(f);
        }
        write!(f, "{} problems", self.0.len())?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

fn suggestion(similar: Option<&str>) -> String {
    similar.map(|name| format!("; did you mean {name:?}?")).unwrap_or_default()
}

fn listed(flags: &[crate::rows::expired::ExpiredFlag]) -> String {
    let texts: Vec<_> = flags.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;
