//! What novi says to a database: the statements and settings in which the three differ.

use crate::{
    error::Error,
    store::{
        delta::Cursor,
        future::BoxFuture,
        sql::{
            connection::Connection, history::HistorySql, migrate::Migrations, read::ReadSql, script::Syntax,
            tokens::TokenSql, usage::UsageSql, write::WriteSql,
        },
    },
};

/// Marks the records of a state as seen, after those of an earlier one.
pub(super) type MarkSeen = for<'a> fn(
    &'a mut (dyn Connection + 'a),
    &'a Cursor,
    &'a Cursor,
) -> BoxFuture<'a, Result<(), sqlx::Error>>;

pub struct Dialect {
    pub(super) syntax: Syntax,
    pub(super) migrations: Migrations,
    /// What errors call the database when the transaction is the caller's own.
    pub(in crate::store) of_transaction: &'static str,
    pub(super) failure: fn(&sqlx::Error) -> Failure,
    /// Whether parameters are `$1`, `$2`, ... and not `?`.
    pub(super) numbers_parameters: bool,
    /// Whether a statement is prepared once for each connection and kept.
    pub(super) keeps_statements: bool,
    /// Whether a connection leads to another machine, which may go away without a word.
    pub(super) is_remote: bool,
    /// What begins a transaction in which all reads see one moment, whatever the server's default is, and what runs before it.
    pub(super) before_read: Option<&'static str>,
    pub(super) begin_read: Option<&'static str>,
    /// What begins a transaction that writes.
    pub(super) begin_write: Option<&'static str>,
    /// Counts the kinds of triggers that the server refused to make, on a server that may.
    pub(super) missing_triggers: Option<&'static str>,
    pub(super) read: ReadSql,
    pub(super) write: WriteSql,
    pub(super) history: HistorySql,
    /// For a database whose history needs it to be in order.
    pub(super) mark_seen: Option<MarkSeen>,
    pub(super) usage: UsageSql,
    pub(super) tokens: TokenSql,
}

/// What a failed statement means to novi.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// A table of novi does not exist.
    NotMigrated,
    /// A row with this key exists already.
    Duplicate,
    /// A row that is referred to does not exist, or is still referred to.
    Reference,
    /// A value does not fit its column.
    Value,
    /// The server has no connection to spare, or the file is locked: worth another try.
    Busy,
    Other,
}

impl Failure {
    /// What every driver reports of an error; `Other` where only the database's own code says more.
    pub(super) fn common(error: &sqlx::Error) -> Self {
        use sqlx::error::ErrorKind;
        match error {
            sqlx::Error::PoolTimedOut => Self::Busy,
            sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => Self::Busy,
            sqlx::Error::Database(error) => match error.kind() {
                ErrorKind::UniqueViolation => Self::Duplicate,
                ErrorKind::ForeignKeyViolation => Self::Reference,
                ErrorKind::NotNullViolation | ErrorKind::CheckViolation => Self::Value,
                _ => Self::Other,
            },
            _ => Self::Other,
        }
    }
}

impl Dialect {
    /// The error of a statement, for people.
    pub(in crate::store) fn error(&self, store: &str, action: &str, error: sqlx::Error) -> Error {
        if (self.failure)(&error) == Failure::NotMigrated {
            return Error::NotMigrated { store: store.to_owned() };
        }
        Error::store(store, action, error)
    }
}
