//! Rows of any database as callers, one after the other.

use futures_util::{StreamExt as _, pin_mut};
use novi::context::{Context, TARGETING_KEY, Value};
use sqlx::{
    AssertSqlSafe, Column as _, Database, Executor, IntoArguments, Row, SqlSafeStr as _, Statement as _,
};

use crate::error::AudienceError;

/// A database whose values can be attributes.
pub(crate) trait Source: Database {
    /// How the values of a column are read.
    type Kind: Send + Sync;

    /// How the values of a column with this type are read.
    ///
    /// # Errors
    /// If such values cannot be attributes: what to select instead.
    fn kind(column: &Self::Column) -> Result<Self::Kind, String>;

    /// A value of a row.
    ///
    /// # Errors
    /// If it cannot be read.
    fn value<'r>(row: &'r Self::Row, column: usize, kind: &Self::Kind) -> Result<Value<'r>, String>;
}

/// Runs a query and passes each row to `each`, as a context.
pub(crate) async fn stream<DB: Source>(
    connection: &mut DB::Connection,
    sql: &str,
    mut each: impl AsyncFnMut(&Context<'_>) -> Result<(), AudienceError>,
) -> Result<u64, AudienceError>
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    DB::Arguments: IntoArguments<DB>,
{
    // The query is that of the user, who may read what the database lets them read.
    let sql = AssertSqlSafe(sql.to_owned()).into_sql_str();
    let statement = (&mut *connection).prepare(sql.clone()).await.map_err(AudienceError::query)?;
    let columns = columns::<DB>(statement.columns())?;
    let rows = (&mut *connection).fetch(sqlx::query::<DB>(sql));
    pin_mut!(rows);
    let mut count = 0;
    while let Some(row) = rows.next().await {
        let row = row.map_err(AudienceError::query)?;
        let mut context = Context::new();
        for (index, (name, kind)) in columns.iter().enumerate() {
            let value =
                DB::value(&row, index, kind).map_err(|problem| AudienceError::column(name, problem))?;
            context.insert(name.as_str(), value);
        }
        each(&context).await?;
        count += 1;
    }
    Ok(count)
}

/// The columns of a query, as attributes.
fn columns<DB: Source>(columns: &[DB::Column]) -> Result<Vec<(String, DB::Kind)>, AudienceError> {
    let mut found: Vec<(String, DB::Kind)> = Vec::with_capacity(columns.len());
    for column in columns {
        // PostgreSQL lowers the letters of names without quotes, which people leave out.
        let name = match column.name() {
            name if name.eq_ignore_ascii_case(TARGETING_KEY) => TARGETING_KEY,
            name => name,
        };
        if name == "?column?" || name.is_empty() {
            return Err(AudienceError::column(name, "expected a name, as in `select lower(plan) as plan`"));
        }
        if found.iter().any(|(known, _)| known == name) {
            return Err(AudienceError::column(
                name,
                "it occurs twice: give each column another name with `as`",
            ));
        }
        let kind = DB::kind(column).map_err(|problem| AudienceError::column(name, problem))?;
        found.push((name.to_owned(), kind));
    }
    if found.is_empty() {
        let problem =
            "expected a query that selects callers, as in `select id as \"targetingKey\" from users`";
        return Err(AudienceError::Url(problem.to_owned()));
    }
    Ok(found)
}

/// Reads a value as a type of Rust, or `Null`.
pub(crate) fn get<'r, R, T>(row: &'r R, column: usize) -> Result<Value<'r>, String>
where
    R: Row,
    usize: sqlx::ColumnIndex<R>,
    T: sqlx::Decode<'r, R::Database> + Into<Value<'r>>,
{
    let value: Option<T> = row.try_get_unchecked(column).map_err(|error| error.to_string())?;
    Ok(value.map_or(Value::Null, Into::into))
}

/// A JSON document as an attribute.
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(crate) fn json(text: &str) -> Result<Value<'static>, String> {
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|error| format!("invalid JSON: {error}"))?;
    Ok(value.into())
}

/// A decimal number as an attribute: an integer of any size, or the nearest double.
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(crate) fn decimal(digits: &str) -> Result<Value<'static>, String> {
    let whole = match digits.split_once('.') {
        Some((whole, fraction)) if fraction.bytes().all(|digit| digit == b'0') => whole,
        Some(_) => {
            return digits.parse().map(Value::Float).map_err(|_| format!("unreadable number {digits}"));
        }
        None => digits,
    };
    Ok(whole.parse().map_or_else(|_| Value::BigInt(whole.to_owned().into()), Value::Int))
}

/// A single-precision number, as the shortest decimal that stands for it: 1.1, not 1.100000023841858.
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(crate) fn single(number: f32) -> Value<'static> {
    Value::Float(number.to_string().parse().unwrap_or_else(|_| number.into()))
}

/// What is wrong with a type that cannot be an attribute.
pub(crate) fn unsupported(kind: &str) -> String {
    format!("values of the type {kind} cannot be attributes: convert them, as in `cast(.. as text)`")
}
