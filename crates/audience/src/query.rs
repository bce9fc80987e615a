//! A query that selects callers.

use std::{collections::BTreeMap, time::Duration};

use novi::{Context, store::without_prefix};

use crate::error::AudienceError;

/// How long a query may take unless another limit is set.
const DEFAULT_TIMEOUT: Duration = Duration::from_mins(10);

/// A query of the application's database, each of whose rows is a caller and each of whose columns is an attribute.
///
/// It runs in a read-only transaction (SQLite: on a read-only connection), and is stopped when it takes too long.
/// `null` is a missing attribute. Numbers, strings, Booleans, times, UUIDs, JSON, and lists of numbers and strings are
/// attributes; other types are an error that names the column.
#[derive(Clone, Debug)]
pub struct Query {
    url: String,
    sql: String,
    timeout: Duration,
}

impl Query {
    /// A query of the database at an address like that of [`novi::store::connect`].
    #[must_use]
    pub fn new(url: impl Into<String>, sql: impl Into<String>) -> Self {
        Self { url: without_prefix(&url.into()), sql: sql.into(), timeout: DEFAULT_TIMEOUT }
    }

    /// The SQL of a saved query.
    ///
    /// # Errors
    /// [`AudienceError::UnknownQuery`] if there is none with this name.
    pub fn saved<'a>(queries: &'a BTreeMap<String, String>, name: &str) -> Result<&'a str, AudienceError> {
        queries.get(name).map(String::as_str).ok_or_else(|| AudienceError::UnknownQuery {
            name: name.to_owned(),
            known: queries.keys().cloned().collect(),
        })
    }

    /// Stops the query after so long. Ten minutes by default.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Runs the query, and passes each caller to `each`. Returns how many there were. An error of `each` stops it.
    /// Rows arrive as `each` takes them, so that memory does not grow with them.
    ///
    /// # Errors
    /// If the query fails, takes too long, or a column cannot be an attribute.
    pub async fn for_each(
        &self,
        each: impl AsyncFnMut(&Context<'_>) -> Result<(), AudienceError>,
    ) -> Result<u64, AudienceError> {
        let sql = self.sql.trim_end_matches(|last: char| last.is_whitespace() || last == ';');
        self.run(sql, each).await
    }

    #[cfg_attr(
        not(any(feature = "sqlite", feature = "postgres", feature = "mysql")),
        expect(clippy::unused_async, unused_variables, reason = "no database is supported")
    )]
    async fn run(
        &self,
        sql: &str,
        each: impl AsyncFnMut(&Context<'_>) -> Result<(), AudienceError>,
    ) -> Result<u64, AudienceError> {
        match scheme(&self.url) {
            #[cfg(feature = "sqlite")]
            "sqlite" => crate::sqlite::run(&self.url, sql, self.timeout, each).await,
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => crate::postgres::run(&self.url, sql, self.timeout, each).await,
            #[cfg(feature = "mysql")]
            "mysql" | "mariadb" => crate::mysql::run(&self.url, sql, self.timeout, each).await,
            _ => Err(unsupported(&self.url)),
        }
    }
}

/// The scheme of an address.
pub(crate) fn scheme(url: &str) -> &str {
    url.split_once(':').map_or("", |(scheme, _)| scheme)
}

pub(crate) fn unsupported(url: &str) -> AudienceError {
    let scheme = scheme(url);
    AudienceError::Url(match scheme {
        "sqlite" | "postgres" | "postgresql" | "mysql" | "mariadb" => format!(
            "this build cannot query databases at {scheme}: addresses: enable the feature of `novi-audience` for it"
        ),
        _ => "expected the address of a database, which starts with sqlite:, postgres:, postgresql:, mysql: or mariadb:"
            .to_owned(),
    })
}
