//! Reads the tables of a system from a database.

use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection, PgConnection, Row as _, SqliteConnection};

use crate::{
    error::ImportError,
    table::{TableSpec, Tables},
};

/// The parameter of an address that only novi knows.
const TABLE_PREFIX: &str = "table_prefix=";

/// Reads tables of a database at an address as `novi --database` has it: `sqlite:`, `postgres:` or `mysql:`.
///
/// # Errors
/// If the database cannot be read, or lacks a table or a column.
pub async fn read(url: &str, specs: &[TableSpec], prefix: &str) -> Result<Tables, ImportError> {
    let url = without_prefix(url);
    let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
    match scheme {
        "sqlite" => {
            let connection = SqliteConnection::connect(&url).await.map_err(failed)?;
            tables!(connection, specs, prefix, Dialect::SQLITE)
        }
        "postgres" | "postgresql" => {
            let connection = PgConnection::connect(&url).await.map_err(failed)?;
            tables!(connection, specs, prefix, Dialect::POSTGRES)
        }
        "mysql" | "mariadb" => {
            let url = url.replacen("mariadb:", "mysql:", 1);
            let connection = MySqlConnection::connect(&url).await.map_err(failed)?;
            tables!(connection, specs, prefix, Dialect::MYSQL)
        }
        _ => Err(ImportError::new(
            "expected an address that starts with sqlite:, postgres:, postgresql:, mysql: or mariadb:",
        )),
    }
}

/// The prefix of the names of novi's tables, which is a parameter of the address.
#[must_use]
pub fn table_prefix(url: &str) -> &str {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    query.split('&').find_map(|part| part.strip_prefix(TABLE_PREFIX)).unwrap_or_default()
}

/// Whether a source is the address of a database.
#[must_use]
pub fn is_address(source: &str) -> bool {
    let scheme = source.split_once(':').map_or("", |(scheme, _)| scheme);
    matches!(scheme, "sqlite" | "postgres" | "postgresql" | "mysql" | "mariadb")
}

/// How a database writes names and text.
struct Dialect {
    quote: char,
    text: &'static str,
    /// The name of a table or view as it is written in the current schema, whose case may differ. The same case first.
    find: &'static str,
}

impl Dialect {
    const SQLITE: Self = Self {
        quote: '"',
        text: "text",
        find: "select name from sqlite_master where type in ('table', 'view') and lower(name) = lower($1) \
               order by name <> $1 limit 1",
    };
    const POSTGRES: Self = Self {
        quote: '"',
        text: "text",
        find: "select relname::text from pg_class where relkind in ('r', 'v', 'm', 'p', 'f') \
               and pg_table_is_visible(oid) and lower(relname) = lower($1) order by relname <> $1 limit 1",
    };
    const MYSQL: Self = Self {
        quote: '`',
        text: "char",
        find: "select cast(table_name as char) from information_schema.tables \
               where table_schema = database() and lower(table_name) = lower(?) limit 1",
    };

    fn name(&self, name: &str) -> String {
        let quote = self.quote;
        format!("{quote}{}{quote}", name.replace(quote, &format!("{quote}{quote}")))
    }

    /// All rows of a table, as text.
    fn select(&self, spec: &TableSpec, table: &str) -> String {
        let column = |name: &&str| format!("cast({} as {})", self.name(name), self.text);
        let columns: Vec<String> = spec.columns.iter().map(column).collect();
        let first = spec.columns.first().map(|name| self.name(name)).unwrap_or_default();
        let table = self.name(table);
        // With its table: PostgreSQL gives a cast the name of its column, and a plain name would sort numbers as text.
        format!("select {} from {table} order by {table}.{first}", columns.join(", "))
    }
}

/// Reads all tables in one transaction. The drivers share no trait that a function could take.
macro_rules! tables {
    ($connection:ident, $specs:ident, $prefix:ident, $dialect:expr) => {{
        let (mut connection, dialect) = ($connection, $dialect);
        let mut transaction = connection.begin().await.map_err(failed)?;
        let mut tables = Tables::default();
        for spec in $specs {
            let name = format!("{}{}", $prefix, spec.name);
            let found: Option<String> = sqlx::query_scalar(dialect.find)
                .bind(&name)
                .fetch_optional(&mut *transaction)
                .await
                .map_err(failed)?;
            let Some(found) = found else {
                if spec.is_optional {
                    continue;
                }
                return Err(ImportError::new(format!("the database has no table {name:?}")));
            };
            // Names are constants of this crate, and the quoted name of the table.
            let sql = AssertSqlSafe(dialect.select(spec, &found));
            let rows = sqlx::query(sql).fetch_all(&mut *transaction).await;
            let rows = rows.map_err(|error| ImportError::new(format!("table {name:?}: {error}")))?;
            let values = rows.iter().map(|row| {
                (0..spec.columns.len()).map(|column| row.try_get(column)).collect::<Result<Vec<_>, _>>()
            });
            let values = values.collect::<Result<Vec<_>, _>>().map_err(failed)?;
            tables.insert(spec, values);
        }
        transaction.rollback().await.map_err(failed)?;
        connection.close().await.map_err(failed)?;
        Ok(tables)
    }};
}
use tables;

#[expect(clippy::needless_pass_by_value, reason = "an argument of `map_err`")]
fn failed(error: sqlx::Error) -> ImportError {
    ImportError::new(error.to_string())
}

/// The address without the parameter that only novi knows.
fn without_prefix(url: &str) -> String {
    let Some((address, query)) = url.split_once('?') else { return url.to_owned() };
    let left: Vec<&str> = query.split('&').filter(|part| !part.starts_with(TABLE_PREFIX)).collect();
    if left.is_empty() { address.to_owned() } else { format!("{address}?{}", left.join("&")) }
}
