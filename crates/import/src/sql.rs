//! Reads the tables of a system from a database.

use std::collections::BTreeMap;

use novi::store::without_prefix;
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection, PgConnection, Row as _, SqliteConnection};

use crate::{
    error::ImportError,
    table::{FoundTable, TableSpec, Tables},
};

const NO_DATABASE: &str =
    "expected an address that starts with sqlite:, postgres:, postgresql:, mysql: or mariadb:";

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
        _ => Err(ImportError::new(NO_DATABASE)),
    }
}

/// Tables as a database has them.
///
/// # Errors
/// If the database cannot be read, or lacks one of the tables.
pub async fn find(
    url: &str,
    specs: &[TableSpec],
    prefix: &str,
) -> Result<BTreeMap<&'static str, FoundTable>, ImportError> {
    let mut tables = BTreeMap::new();
    for spec in specs {
        let usual = format!("{prefix}{}", spec.name);
        let name = texts(url, |dialect| dialect.find, Some(&usual)).await?.into_iter().next();
        let name = name.ok_or_else(|| no_table(spec, &usual))?;
        let collations = texts(url, |dialect| dialect.collations, Some(&name)).await?;
        let collations = collations.iter().filter_map(|text| text.split_once('='));
        let collations = collations.map(|(column, collation)| (column.to_owned(), collation.to_owned()));
        tables.insert(spec.name, FoundTable { collations: collations.collect(), name });
    }
    Ok(tables)
}

/// The names of the triggers of a database that are not disabled.
///
/// # Errors
/// If the database cannot be read.
pub async fn triggers(url: &str) -> Result<Vec<String>, ImportError> {
    texts(url, |dialect| dialect.triggers, None).await
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
    /// The columns of a table, in small letters, and their collations: `name=utf8mb4_bin`.
    collations: &'static str,
    /// The names of all triggers of the current schema.
    triggers: &'static str,
}

impl Dialect {
    const SQLITE: Self = Self {
        quote: '"',
        text: "text",
        find: "select name from sqlite_master where type in ('table', 'view') and lower(name) = lower($1) \
               order by name <> $1 limit 1",
        collations: "select name from sqlite_master where name <> name and name = $1",
        triggers: "select name from sqlite_master where type = 'trigger'",
    };
    const POSTGRES: Self = Self {
        quote: '"',
        text: "text",
        find: "select relname::text from pg_class where relkind in ('r', 'v', 'm', 'p', 'f') \
               and pg_table_is_visible(oid) and lower(relname) = lower($1) order by relname <> $1 limit 1",
        collations: "select relname::text from pg_class where false and relname = $1",
        triggers: "select tgname::text from pg_trigger join pg_class on pg_class.oid = tgrelid \
                   where pg_table_is_visible(pg_class.oid) and tgenabled <> 'D'",
    };
    const MYSQL: Self = Self {
        quote: '`',
        text: "char",
        find: "select cast(table_name as char) from information_schema.tables \
               where table_schema = database() and lower(table_name) = lower(?) limit 1",
        collations: "select cast(concat(lower(column_name), '=', collation_name) as char) \
                     from information_schema.columns \
                     where table_schema = database() and table_name = ? and collation_name is not null",
        triggers: "select cast(trigger_name as char) from information_schema.triggers \
                   where trigger_schema = database()",
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

/// The texts that a query of a dialect returns.
async fn texts(
    url: &str,
    query: fn(&Dialect) -> &'static str,
    bound: Option<&str>,
) -> Result<Vec<String>, ImportError> {
    /// The drivers share no trait that a function could take.
    macro_rules! fetch {
        ($connection:ty, $url:expr, $dialect:expr) => {{
            let mut connection = <$connection>::connect($url).await.map_err(failed)?;
            let query = sqlx::query_scalar(query(&$dialect));
            let query = if let Some(bound) = bound { query.bind(bound) } else { query };
            let texts = query.fetch_all(&mut connection).await.map_err(failed)?;
            connection.close().await.map_err(failed)?;
            Ok(texts)
        }};
    }
    let url = without_prefix(url);
    match url.split_once(':').map_or("", |(scheme, _)| scheme) {
        "sqlite" => fetch!(SqliteConnection, &url, Dialect::SQLITE),
        "postgres" | "postgresql" => fetch!(PgConnection, &url, Dialect::POSTGRES),
        "mysql" | "mariadb" => {
            fetch!(MySqlConnection, &url.replacen("mariadb:", "mysql:", 1), Dialect::MYSQL)
        }
        _ => Err(ImportError::new(NO_DATABASE)),
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
                return Err(no_table(spec, &name));
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

fn no_table(spec: &TableSpec, name: &str) -> ImportError {
    let hint = match spec.name {
        "waffle_flag" => "; flags of a model of your own (WAFFLE_FLAG_MODEL) are not read",
        _ => "",
    };
    ImportError::new(format!("the database has no table {name:?}{hint}"))
}

#[expect(clippy::needless_pass_by_value, reason = "an argument of `map_err`")]
fn failed(error: sqlx::Error) -> ImportError {
    ImportError::new(error.to_string())
}
