//! The views of flags in a database: which there are, and their renewal.

use std::str::FromStr as _;

use novi::store::{table_prefix, without_prefix};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};

use crate::{dialect::Dialect, statement::ViewSpec};

/// Why views could not be read or renewed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ViewError {
    /// The address is invalid, or this build does not support the database.
    #[error("{0}")]
    Url(String),
    /// The database has no schema of this name.
    #[error("the database has no schema {0:?}")]
    NoSchema(String),
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

/// The table with the variants that units keep, in the database of the flags at an address, for
/// [`Options`](crate::Options).
#[must_use]
pub fn assignments(url: &str) -> Vec<String> {
    vec![format!("{}novi_assignments", table_prefix(url))]
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

    /// The views that novi has made in a schema, by name; those of the connection's schema with `None`. Their names have
    /// the schema before them if it is given.
    ///
    /// # Errors
    /// If the database fails, or SQLite is given a schema.
    pub async fn list(&mut self, schema: Option<&str>) -> Result<Vec<ViewSpec>, ViewError> {
        let read = || failed("could not read the views");
        let rows: Vec<(String, String)> = match &mut self.connection {
            #[cfg(feature = "sqlite")]
            Open::Sqlite(_) if schema.is_some() => {
                return Err(ViewError::Url("--schema: SQLite has no schemas".to_owned()));
            }
            #[cfg(feature = "sqlite")]
            Open::Sqlite(connection) => {
                let query = "select name, sql from sqlite_master where type = 'view' \
                             and sql like '%novi:view {%' order by name";
                sqlx::query_as(query).fetch_all(connection).await.map_err(read())?
            }
            #[cfg(feature = "postgres")]
            Open::Postgres(connection) => of_postgres(connection, schema).await.map_err(read())?,
            #[cfg(feature = "mysql")]
            Open::MySql(connection) => {
                let query = "select cast(table_name as char), cast(view_definition as char) \
                             from information_schema.views where table_schema = coalesce(?, database()) \
                             and view_definition like '%novi:view {%' order by 1";
                sqlx::query_as(query).bind(schema).fetch_all(connection).await.map_err(read())?
            }
        };
        if let (true, Some(schema)) = (rows.is_empty(), schema)
            && !self.has_schema(schema).await.map_err(read())?
        {
            return Err(ViewError::NoSchema(schema.to_owned()));
        }
        let spec = |(name, definition): &(String, String)| {
            let name = schema.map_or_else(|| name.clone(), |schema| format!("{schema}.{name}"));
            ViewSpec::read(&name, definition)
        };
        Ok(rows.iter().filter_map(spec).collect())
    }

    #[cfg_attr(not(any(feature = "postgres", feature = "mysql")), expect(unused_variables))]
    async fn has_schema(&mut self, schema: &str) -> Result<bool, sqlx::Error> {
        let count: i64 = match &mut self.connection {
            #[cfg(feature = "sqlite")]
            Open::Sqlite(_) => 0,
            #[cfg(feature = "postgres")]
            Open::Postgres(connection) => {
                let query = "select count(*) from pg_namespace where nspname = $1";
                sqlx::query_scalar(query).bind(schema).fetch_one(connection).await?
            }
            #[cfg(feature = "mysql")]
            Open::MySql(connection) => {
                let query = "select count(*) from information_schema.schemata where schema_name = ?";
                sqlx::query_scalar(query).bind(schema).fetch_one(connection).await?
            }
        };
        Ok(count > 0)
    }

    /// Runs the statements that renew views, in one transaction; MySQL commits each of them. Returns the views that were
    /// dropped since they were read, which stay so.
    ///
    /// # Errors
    /// If the database refuses one. Then no view is changed, or in MySQL, none after it.
    pub async fn renew<'s>(
        &mut self,
        statements: impl IntoIterator<Item = (&'s str, &'s str)>,
    ) -> Result<Vec<&'s str>, ViewError> {
        let (dialect, mut dropped) = (self.dialect(), Vec::new());
        let failed_view = |view: &str| {
            let action = format!("could not renew the view {view:?}");
            move |source| ViewError::Database { action, source }
        };
        each!(&mut self.connection, connection => {
            let mut transaction = connection.begin().await.map_err(failed("could not begin a transaction"))?;
            // Otherwise two renewals could each wait for the other's lock of a view.
            if dialect == Dialect::Postgres {
                let lock = transaction.execute("select pg_advisory_xact_lock(hashtext('novi sql --refresh'))");
                lock.await.map_err(failed("could not lock the views"))?;
            }
            for (view, statement) in statements {
                let Replacement { lock, statement } = Replacement::of(dialect, view, statement);
                if let Some(lock) = lock {
                    let locked = transaction.execute(sqlx::raw_sql(AssertSqlSafe(lock))).await;
                    if locked.as_ref().is_err_and(|error| is_missing(view, error)) {
                        let undo = transaction.execute("rollback to savepoint novi_view");
                        undo.await.map_err(failed_view(view))?;
                        dropped.push(view);
                        continue;
                    }
                    locked.map_err(failed_view(view))?;
                }
                match transaction.execute(sqlx::raw_sql(AssertSqlSafe(statement))).await {
                    Err(error) if dialect != Dialect::Postgres && is_missing(view, &error) => dropped.push(view),
                    done => {
                        done.map_err(failed_view(view))?;
                    }
                }
            }
            transaction.commit().await.map_err(failed("could not commit the views"))
        })?;
        Ok(dropped)
    }
}

/// The statements that renew a view, and fail if it does not exist.
struct Replacement {
    /// Keeps the view from being dropped until the end of the transaction.
    lock: Option<String>,
    statement: String,
}

impl Replacement {
    fn of(dialect: Dialect, view: &str, statement: &str) -> Self {
        let parts: Vec<String> = view.split('.').map(str::to_owned).collect();
        match dialect {
            Dialect::Postgres => {
                let lock = |path| format!("savepoint novi_view; lock table {path} in access share mode");
                Self { lock: dialect.path(&parts).map(lock), statement: statement.to_owned() }
            }
            Dialect::Sqlite => {
                let statement = statement.replacen("drop view if exists ", "drop view ", 1);
                Self { lock: None, statement }
            }
            _ => Self {
                lock: None,
                statement: statement.replacen("create or replace view ", "alter view ", 1),
            },
        }
    }
}

/// Whether an error says that a view does not exist.
fn is_missing(view: &str, error: &sqlx::Error) -> bool {
    let name = view.rsplit('.').next().unwrap_or(view);
    let is_unknown = |error: &dyn sqlx::error::DatabaseError| {
        matches!(error.code().as_deref(), Some("42P01" | "42S02"))
            || error.message().starts_with("no such view")
    };
    error.as_database_error().is_some_and(|error| is_unknown(error) && error.message().contains(name))
}

/// The names and definitions of the views in a schema of PostgreSQL. Definitions are read one by one: PostgreSQL opens
/// the view for that, which fails for one that was dropped since its name was read.
#[cfg(feature = "postgres")]
async fn of_postgres(
    connection: &mut sqlx::PgConnection,
    schema: Option<&str>,
) -> Result<Vec<(String, String)>, sqlx::Error> {
    let names = "select oid::int8, relname::text from pg_class where relkind = 'v' and relnamespace = \
                 (select oid from pg_namespace where nspname = coalesce($1, current_schema()::text)) order by 2";
    let known: Vec<(i64, String)> = sqlx::query_as(names).bind(schema).fetch_all(&mut *connection).await?;
    let mut views = Vec::new();
    for (id, name) in known {
        let definition = sqlx::query_scalar("select pg_get_viewdef($1::oid)").bind(id);
        let definition: Option<String> = match definition.fetch_one(&mut *connection).await {
            Ok(definition) => definition,
            Err(error @ sqlx::Error::Database(_)) => {
                let exists = sqlx::query_scalar("select exists (select 1 from pg_class where oid = $1::oid)");
                if exists.bind(id).fetch_one(&mut *connection).await? {
                    return Err(error);
                }
                None
            }
            Err(error) => return Err(error),
        };
        views.extend(definition.map(|definition| (name, definition)));
    }
    Ok(views)
}
