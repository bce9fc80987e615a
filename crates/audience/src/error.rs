//! Errors of queries.

use std::time::Duration;

/// Why the users of a database could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AudienceError {
    /// The address of the database is invalid, or this build does not support the database.
    #[error("{0}")]
    Url(String),
    /// The database refused the query, or the connection failed.
    #[error("{action}: {}", message(.source))]
    Database {
        /// The failed action, such as "could not run the query".
        action: &'static str,
        /// The error of the database or its driver.
        source: sqlx::Error,
    },
    /// The query took too long.
    #[error("the query took longer than {} s and was stopped: select fewer rows, or raise the timeout", .0.as_secs_f64())]
    Timeout(Duration),
    /// A column of the query cannot be an attribute.
    #[error("column {column:?} of the query: {problem}")]
    Column {
        /// The name of the column.
        column: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The name of the table for the decisions is invalid.
    #[error(
        "invalid table name {0:?}: expected letters, digits and underscores, at most 63, as in \"flag_audience\""
    )]
    TableName(String),
    /// There is a table with the name already.
    #[error("the table {0:?} already exists: drop it, or choose another name")]
    TableExists(String),
    /// No saved query has this name.
    #[error("[audience.queries] has no query {name:?}; {}", known_names(.known))]
    UnknownQuery {
        /// The name that was asked for.
        name: String,
        /// The names of the saved queries.
        known: Vec<String>,
    },
    /// The caller of [`Query::for_each`](crate::Query::for_each) stopped.
    #[error("{0}")]
    Stopped(String),
}

/// The message of an error, without the line of PostgreSQL's own source that its driver adds.
fn message(error: &sqlx::Error) -> String {
    #[cfg(feature = "postgres")]
    if let sqlx::Error::Database(found) = error
        && let Some(found) = found.try_downcast_ref::<sqlx::postgres::PgDatabaseError>()
    {
        return format!("error returned from database: {}", found.message());
    }
    error.to_string()
}

fn known_names(known: &[String]) -> String {
    if known.is_empty() { "there are none".to_owned() } else { format!("known: {}", known.join(", ")) }
}

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
impl AudienceError {
    pub(crate) fn column(column: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Column { column: column.into(), problem: problem.into() }
    }

    pub(crate) fn connect(source: sqlx::Error) -> Self {
        Self::Database { action: "could not connect to the database of the query", source }
    }

    pub(crate) fn query(source: sqlx::Error) -> Self {
        Self::Database { action: "could not run the query", source }
    }
}
