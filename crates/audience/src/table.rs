//! Decisions as rows of a table of the application's database.

#[cfg(feature = "sqlite")]
use sqlx::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection as _, Database, Executor, IntoArguments, QueryBuilder};
#[cfg(feature = "mysql")]
use sqlx::{MySql, MySqlConnection};
#[cfg(feature = "postgres")]
use sqlx::{PgConnection, Postgres};

use crate::{
    error::AudienceError,
    query::{scheme, unsupported, without_prefix},
};

/// How many rows are inserted at once.
const BATCH_SIZE: usize = 500;

/// The longest name of a table, that of PostgreSQL.
const LONGEST_NAME: usize = 63;

/// A decision for a caller.
#[derive(Clone, Debug)]
pub struct TableRow {
    /// The caller's targeting key.
    pub targeting_key: Option<String>,
    /// Whether the flag is on.
    pub enabled: bool,
    /// The variant.
    pub variant: Option<String>,
    /// The value, as JSON.
    pub value: Option<String>,
    /// The reason.
    pub reason: &'static str,
}

/// A new table with the decisions for callers. It exists when all are written, or not at all.
#[derive(Debug)]
pub struct DecisionTable {
    connection: Open,
    name: String,
    pending: Vec<TableRow>,
}

#[derive(Debug)]
enum Open {
    #[cfg(feature = "sqlite")]
    Sqlite(SqliteConnection),
    #[cfg(feature = "postgres")]
    Postgres(PgConnection),
    #[cfg(feature = "mysql")]
    MySql(MySqlConnection),
}

impl DecisionTable {
    /// Creates a table in the database at an address. It must not exist.
    ///
    /// # Errors
    /// If the name is invalid, or the database fails.
    pub async fn create(url: &str, name: &str) -> Result<Self, AudienceError> {
        let is_word = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_word || name.is_empty() || name.len() > LONGEST_NAME {
            return Err(AudienceError::TableName(name.to_owned()));
        }
        let url = without_prefix(url);
        let connection = match scheme(&url) {
            #[cfg(feature = "sqlite")]
            "sqlite" => SqliteConnection::connect(&url).await.map(Open::Sqlite),
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => PgConnection::connect(&url).await.map(Open::Postgres),
            #[cfg(feature = "mysql")]
            "mysql" | "mariadb" => {
                MySqlConnection::connect(&url.replacen("mariadb:", "mysql:", 1)).await.map(Open::MySql)
            }
            _ => return Err(unsupported(&url)),
        };
        let connection = connection.map_err(AudienceError::connect)?;
        let mut table = Self { connection, name: name.to_owned(), pending: Vec::new() };
        // MySQL commits a new table at once.
        let (before, quote, text) = match &table.connection {
            // A page that is written early would wait for readers of the file.
            #[cfg(feature = "sqlite")]
            Open::Sqlite(_) => (Some("pragma cache_spill = off"), '"', "text"),
            #[cfg(feature = "postgres")]
            Open::Postgres(_) => (None, '"', "text"),
            #[cfg(feature = "mysql")]
            Open::MySql(_) => (None, '`', "longtext"),
        };
        let create = format!(
            "create table {quote}{name}{quote} (targeting_key {text}, enabled boolean not null, variant {text}, \
             value {text}, reason {text} not null)"
        );
        if let Some(before) = before {
            table.execute(before.to_owned()).await?;
        }
        if table.creates_at_once() {
            table.execute(create).await?;
            table.execute("begin".to_owned()).await?;
        } else {
            table.execute("begin".to_owned()).await?;
            table.execute(create).await?;
        }
        Ok(table)
    }

    /// Adds a row.
    ///
    /// # Errors
    /// If the database fails. Call [`discard`](Self::discard) then.
    pub async fn push(&mut self, row: TableRow) -> Result<(), AudienceError> {
        self.pending.push(row);
        if self.pending.len() >= BATCH_SIZE { self.flush().await } else { Ok(()) }
    }

    /// Writes what is left, and commits.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn commit(mut self) -> Result<(), AudienceError> {
        let written = match self.flush().await {
            Ok(()) => self.execute("commit".to_owned()).await,
            Err(error) => Err(error),
        };
        if written.is_err() {
            self.discard().await;
        }
        written
    }

    /// Leaves no table behind.
    pub async fn discard(mut self) {
        drop(self.execute("rollback".to_owned()).await);
        if self.creates_at_once() {
            drop(self.execute(format!("drop table `{}`", self.name)).await);
        }
    }

    /// Whether a new table outlives the transaction.
    fn creates_at_once(&self) -> bool {
        match &self.connection {
            #[cfg(feature = "mysql")]
            Open::MySql(_) => true,
            #[cfg(any(feature = "sqlite", feature = "postgres"))]
            _ => false,
        }
    }

    async fn execute(&mut self, sql: String) -> Result<(), AudienceError> {
        // Constants, and a name that has been checked.
        let sql = AssertSqlSafe(sql);
        let done = match &mut self.connection {
            #[cfg(feature = "sqlite")]
            Open::Sqlite(connection) => connection.execute(sql).await.map(drop),
            #[cfg(feature = "postgres")]
            Open::Postgres(connection) => connection.execute(sql).await.map(drop),
            #[cfg(feature = "mysql")]
            Open::MySql(connection) => connection.execute(sql).await.map(drop),
        };
        done.map_err(failed)
    }

    async fn flush(&mut self) -> Result<(), AudienceError> {
        let rows = std::mem::take(&mut self.pending);
        if rows.is_empty() {
            return Ok(());
        }
        let name = &self.name;
        match &mut self.connection {
            #[cfg(feature = "sqlite")]
            Open::Sqlite(connection) => {
                insert::<sqlx::Sqlite>(connection, format!("insert into \"{name}\" "), rows).await
            }
            #[cfg(feature = "postgres")]
            Open::Postgres(connection) => {
                insert::<Postgres>(connection, format!("insert into \"{name}\" "), rows).await
            }
            #[cfg(feature = "mysql")]
            Open::MySql(connection) => {
                insert::<MySql>(connection, format!("insert into `{name}` "), rows).await
            }
        }
        .map_err(failed)
    }
}

fn failed(source: sqlx::Error) -> AudienceError {
    AudienceError::Database { action: "could not write the table of decisions", source }
}

async fn insert<DB: Database>(
    connection: &mut DB::Connection,
    start: String,
    rows: Vec<TableRow>,
) -> Result<(), sqlx::Error>
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    DB::Arguments: IntoArguments<DB>,
    bool: sqlx::Type<DB> + for<'q> sqlx::Encode<'q, DB>,
    Option<String>: sqlx::Type<DB> + for<'q> sqlx::Encode<'q, DB>,
    &'static str: sqlx::Type<DB> + for<'q> sqlx::Encode<'q, DB>,
{
    let mut builder = QueryBuilder::<DB>::new(start);
    builder.push_values(rows, |mut values, row| {
        values.push_bind(row.targeting_key);
        values.push_bind(row.enabled).push_bind(row.variant).push_bind(row.value).push_bind(row.reason);
    });
    builder.build().execute(connection).await.map(drop)
}
