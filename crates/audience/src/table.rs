//! Decisions as rows of a table of the application's database.

use novi::store::without_prefix;
#[cfg(feature = "sqlite")]
use sqlx::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection as _, Database, Executor, IntoArguments, QueryBuilder};
#[cfg(feature = "mysql")]
use sqlx::{MySql, MySqlConnection};
#[cfg(feature = "postgres")]
use sqlx::{PgConnection, Postgres};

use crate::{
    error::AudienceError,
    query::{scheme, unsupported},
};

/// How many rows are inserted at once: SQLite takes 32,766 values in a statement.
const BATCH_SIZE: usize = 5000;

/// How many bytes are inserted at once. MySQL takes at least 4 MiB in a packet.
const BATCH_BYTES: usize = 1 << 20;

/// The table that MySQL drops with the connection. It commits a new table at once, so that the one with the
/// final name is created last, with all rows.
#[cfg(feature = "mysql")]
const TEMPORARY: &str = "novi_audience";

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
    pending_bytes: usize,
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

/// The error of creating a table. PostgreSQL has a code for one that exists, and SQLite its message.
fn existing(error: AudienceError, name: &str) -> AudienceError {
    let AudienceError::Database { source: sqlx::Error::Database(found), .. } = &error else { return error };
    let is_there = found.code().as_deref() == Some("42P07") || found.message().ends_with("already exists");
    if is_there { AudienceError::TableExists(name.to_owned()) } else { error }
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
        let mut table = Self { connection, name: name.to_owned(), pending: Vec::new(), pending_bytes: 0 };
        let statements = match &table.connection {
            // A page that is written early would wait for readers of the file.
            #[cfg(feature = "sqlite")]
            Open::Sqlite(_) => {
                vec!["pragma cache_spill = off".to_owned(), "begin".to_owned(), create("table", name, '"')]
            }
            #[cfg(feature = "postgres")]
            Open::Postgres(_) => vec!["begin".to_owned(), create("table", name, '"')],
            #[cfg(feature = "mysql")]
            Open::MySql(_) => vec![create("temporary table", TEMPORARY, '`')],
        };
        for statement in statements {
            table.execute(statement).await.map_err(|error| existing(error, name))?;
        }
        table.must_not_exist().await?;
        Ok(table)
    }

    /// Fails before callers are evaluated, not after. Databases that create tables in transactions have
    /// failed already: see [`existing`].
    async fn must_not_exist(&mut self) -> Result<(), AudienceError> {
        match &mut self.connection {
            #[cfg(feature = "mysql")]
            Open::MySql(connection) => {
                let found = "select count(*) from information_schema.tables where table_schema = database() \
                             and table_name = ?";
                let found: i64 =
                    sqlx::query_scalar(found).bind(&self.name).fetch_one(connection).await.map_err(failed)?;
                if found > 0 { Err(AudienceError::TableExists(self.name.clone())) } else { Ok(()) }
            }
            #[cfg(any(feature = "sqlite", feature = "postgres"))]
            _ => Ok(()),
        }
    }

    /// Adds a row.
    ///
    /// # Errors
    /// If the database fails. Call [`discard`](Self::discard) then.
    pub async fn push(&mut self, row: TableRow) -> Result<(), AudienceError> {
        let texts = [&row.targeting_key, &row.variant, &row.value];
        self.pending_bytes += texts.into_iter().flatten().map(String::len).sum::<usize>();
        self.pending.push(row);
        if self.pending.len() >= BATCH_SIZE || self.pending_bytes >= BATCH_BYTES {
            self.flush().await
        } else {
            Ok(())
        }
    }

    /// Writes what is left, and commits.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn commit(mut self) -> Result<(), AudienceError> {
        let written = match self.flush().await {
            Ok(()) => self.publish().await,
            Err(error) => Err(error),
        };
        if written.is_err() {
            self.discard().await;
        }
        written
    }

    /// Leaves no table behind.
    pub async fn discard(mut self) {
        // On MySQL, the temporary table ends with the connection.
        drop(self.execute("rollback".to_owned()).await);
    }

    /// Makes the table one that others see.
    async fn publish(&mut self) -> Result<(), AudienceError> {
        let statement = match &self.connection {
            #[cfg(feature = "mysql")]
            // The server drops what it has of the table if the statement fails.
            Open::MySql(_) => format!("{} select * from `{TEMPORARY}`", create("table", &self.name, '`')),
            #[cfg(any(feature = "sqlite", feature = "postgres"))]
            _ => "commit".to_owned(),
        };
        self.execute(statement).await
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
        self.pending_bytes = 0;
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
                insert::<MySql>(connection, format!("insert into `{TEMPORARY}` "), rows).await
            }
        }
        .map_err(failed)
    }
}

/// The statement that creates a table for decisions. Only MySQL has names in backticks.
fn create(kind: &str, name: &str, quote: char) -> String {
    let text = if quote == '`' { "longtext" } else { "text" };
    format!(
        "create {kind} {quote}{name}{quote} (targeting_key {text}, enabled boolean not null, variant {text}, \
         value {text}, reason {text} not null)"
    )
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
