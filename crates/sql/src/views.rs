//! The views of flags in a database: which there are, and their renewal.

use std::str::FromStr as _;

use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};

use crate::{dialect::Dialect, statement::ViewSpec};

/// Why views could not be read or renewed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ViewError {
    /// The address is invalid, or this build does not support the database.
    #[error("{0}")]
    Url(String),
    /// The database failed.
    #[error("{action}: {source}")]
    Database {
        /// The failed action, such as "could not read the views".
        action: String,
        /// The error of the database or its driver.
        source: sqlx::Error,
    },
}

fn failed(action: &str) -> impl FnOnce(sqlx::Error) -> ViewError {
    move |source| ViewError::Database { action: action.to_owned(), source }
}

/// A connection to a database with views.
#[derive(Debug)]
pub struct Views {
    connection: Open,
}

#[derive(Debug)]
enum Open {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::SqliteConnection),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::PgConnection),
    #[cfg(feature = "mysql")]
    MySql(sqlx::MySqlConnection),
}

/// Runs the same code for each database.
macro_rules! each {
    ($open:expr, $connection:ident => $run:expr) => {
        match $open {
            #[cfg(feature = "sqlite")]
            Open::Sqlite($connection) => $run,
            #[cfg(feature = "postgres")]
            Open::Postgres($connection) => $run,
            #[cfg(feature = "mysql")]
            Open::MySql($connection) => $run,
        }
    };
}

/// The dialect of the database at an address; `None` if that is of no database.
#[must_use]
pub fn dialect_of(url: &str) -> Option<Dialect> {
    Some(match url.split_once(':')?.0 {
        "sqlite" => Dialect::Sqlite,
        "postgres" | "postgresql" => Dialect::Postgres,
        "mysql" | "mariadb" => Dialect::MySql,
        _ => return None,
    })
}

/// The address without the parameter that only novi knows.
fn without_prefix(url: &str) -> String {
    let Some((address, query)) = url.split_once('?') else { return url.to_owned() };
    let left: Vec<&str> = query.split('&').filter(|part| !part.starts_with("table_prefix=")).collect();
    if left.is_empty() { address.to_owned() } else { format!("{address}?{}", left.join("&")) }
}

impl Views {
    /// Connects to the database at an address like that of `novi::store::connect`.
    ///
    /// # Errors
    /// If the address is invalid, or the connection fails.
    pub async fn connect(url: &str) -> Result<Self, ViewError> {
        let connect = || failed("could not connect to the database of the views");
        let url = &without_prefix(url);
        let connection = match dialect_of(url) {
            #[cfg(feature = "sqlite")]
            Some(Dialect::Sqlite) => {
                let options = sqlx::sqlite::SqliteConnectOptions::from_str(url).map_err(connect())?;
                Open::Sqlite(options.connect().await.map_err(connect())?)
            }
            #[cfg(feature = "postgres")]
            Some(Dialect::Postgres) => {
                let options = sqlx::postgres::PgConnectOptions::from_str(url).map_err(connect())?;
                Open::Postgres(options.application_name("novi sql").connect().await.map_err(connect())?)
            }
            #[cfg(feature = "mysql")]
            Some(Dialect::MySql) => {
                let url = url.replacen("mariadb:", "mysql:", 1);
                let options = sqlx::mysql::MySqlConnectOptions::from_str(&url).map_err(connect())?;
                Open::MySql(options.connect().await.map_err(connect())?)
            }
            _ => {
                return Err(ViewError::Url(
                    "expected the address of a database that this build supports: sqlite:, postgres: or mysql:"
                        .to_owned(),
                ));
            }
        };
        Ok(Self { connection })
    }

    /// The dialect of the database.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        match self.connection {
            #[cfg(feature = "sqlite")]
            Open::Sqlite(_) => Dialect::Sqlite,
            #[cfg(feature = "postgres")]
            Open::Postgres(_) => Dialect::Postgres,
            #[cfg(feature = "mysql")]
            Open::MySql(_) => Dialect::MySql,
        }
    }

    /// The views that novi has made, by name.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list(&mut self) -> Result<Vec<ViewSpec>, ViewError> {
        let query = match self.dialect() {
            Dialect::Sqlite | Dialect::DuckDb => {
                "select name, sql from sqlite_master where type = 'view' and sql like '%novi:view {%' order by name"
            }
            Dialect::Postgres => {
                "select case when schemaname = current_schema() then viewname else schemaname || '.' || viewname end, \
                 definition from pg_views where definition like '%novi:view {%' order by 1"
            }
            Dialect::MySql => {
                "select cast(table_name as char), cast(view_definition as char) from information_schema.views \
                 where table_schema = database() and view_definition like '%novi:view {%' order by 1"
            }
        };
        let read = failed("could not read the views");
        let rows: Vec<(String, String)> = each!(&mut self.connection, connection => {
            sqlx::query_as(query).fetch_all(connection).await.map_err(read)?
        });
        Ok(rows.iter().filter_map(|(name, definition)| ViewSpec::read(name, definition)).collect())
    }

    /// Runs the statements that renew views, in one transaction; MySQL commits each of them.
    ///
    /// # Errors
    /// If the database refuses one. Then no view is changed, or in MySQL, none after it.
    pub async fn renew<'s>(
        &mut self,
        statements: impl IntoIterator<Item = (&'s str, &'s str)>,
    ) -> Result<(), ViewError> {
        each!(&mut self.connection, connection => {
            let mut transaction = connection.begin().await.map_err(failed("could not begin a transaction"))?;
            for (view, statement) in statements {
                let run = transaction.execute(sqlx::raw_sql(AssertSqlSafe(statement.to_owned())));
                run.await.map_err(failed(&format!("could not renew the view {view:?}")))?;
            }
            transaction.commit().await.map_err(failed("could not commit the views"))
        })
    }
}
