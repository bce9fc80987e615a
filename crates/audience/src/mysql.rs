//! Queries of MySQL and MariaDB.

use std::{
    str::FromStr as _,
    time::{Duration, Instant},
};

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use novi::{Context, context::Value};
use sqlx::{
    AssertSqlSafe, Column as _, ConnectOptions as _, Connection as _, Executor as _, MySql, Row as _,
    TypeInfo as _, ValueRef as _,
    mysql::{MySqlColumn, MySqlConnectOptions, MySqlConnection, MySqlRow, types::MySqlTime},
};

use crate::{
    error::AudienceError,
    stream::{Source, decimal, get, json, single, stream, unsupported},
};

/// The errors of statements that took too long: `ER_QUERY_TIMEOUT` of MySQL, `ER_STATEMENT_TIMEOUT` of MariaDB.
const TIMED_OUT: [u16; 2] = [3024, 1969];

pub(crate) async fn run(
    url: &str,
    sql: &str,
    timeout: Duration,
    each: impl AsyncFnMut(&Context<'_>) -> Result<(), AudienceError>,
) -> Result<u64, AudienceError> {
    let url = url.replacen("mariadb:", "mysql:", 1);
    let options = MySqlConnectOptions::from_str(&url).map_err(AudienceError::connect)?;
    let mut connection = options.connect().await.map_err(AudienceError::connect)?;
    prepare(&mut connection, timeout).await.map_err(AudienceError::query)?;
    let start = Instant::now();
    let counted = stream::<MySql>(&mut connection, sql, each).await;
    drop(connection.close().await);
    match counted {
        // A function such as `benchmark` that is stopped has a result, and no error.
        Ok(_) if start.elapsed() >= timeout => Err(AudienceError::Timeout(timeout)),
        counted => counted.map_err(|error| timed_out(error, timeout)),
    }
}

async fn prepare(connection: &mut MySqlConnection, timeout: Duration) -> Result<(), sqlx::Error> {
    let version: String = sqlx::query_scalar("select version()").fetch_one(&mut *connection).await?;
    let limit = if version.contains("MariaDB") {
        format!("set session max_statement_time = {}", timeout.as_secs_f64())
    } else {
        format!("set session max_execution_time = {}", timeout.as_millis().max(1))
    };
    connection.execute(AssertSqlSafe(limit)).await?;
    connection.execute("start transaction with consistent snapshot, read only").await?;
    Ok(())
}

fn timed_out(error: AudienceError, timeout: Duration) -> AudienceError {
    match &error {
        AudienceError::Database { source: sqlx::Error::Database(found), .. }
            if found
                .try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()
                .is_some_and(|found| TIMED_OUT.contains(&found.number())) =>
        {
            AudienceError::Timeout(timeout)
        }
        _ => error,
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Boolean,
    Integer,
    Unsigned,
    Real,
    Double,
    Decimal,
    Text,
    Bytes,
    Json,
    Instant,
    Local,
    Date,
    Time,
}

impl Source for MySql {
    type Kind = Kind;

    fn kind(column: &MySqlColumn) -> Result<Kind, String> {
        let name = column.type_info().name();
        Ok(match name {
            "BOOLEAN" => Kind::Boolean,
            "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT" => Kind::Integer,
            "YEAR" | "BIT" => Kind::Unsigned,
            "FLOAT" => Kind::Real,
            "DOUBLE" => Kind::Double,
            "DECIMAL" => Kind::Decimal,
            "CHAR" | "VARCHAR" | "TINYTEXT" | "TEXT" | "MEDIUMTEXT" | "LONGTEXT" | "ENUM" | "SET"
            | "NULL" => Kind::Text,
            // Text whose collation compares bytes, such as utf8mb4_bin, is reported as binary.
            "BINARY" | "VARBINARY" | "TINYBLOB" | "BLOB" | "MEDIUMBLOB" | "LONGBLOB" => Kind::Bytes,
            "JSON" => Kind::Json,
            "TIMESTAMP" => Kind::Instant,
            "DATETIME" => Kind::Local,
            "DATE" => Kind::Date,
            "TIME" => Kind::Time,
            _ if name.ends_with(" UNSIGNED") => Kind::Unsigned,
            other => return Err(unsupported(other)),
        })
    }

    fn value<'r>(row: &'r MySqlRow, column: usize, kind: &Kind) -> Result<Value<'r>, String> {
        match kind {
            Kind::Boolean => get::<_, bool>(row, column),
            Kind::Integer => get::<_, i64>(row, column),
            Kind::Unsigned => get::<_, u64>(row, column),
            Kind::Real => converted(row, column, |number| Ok(single(number))),
            Kind::Double => get::<_, f64>(row, column),
            Kind::Text => get::<_, &str>(row, column),
            Kind::Bytes => {
                let bytes: Option<&[u8]> =
                    row.try_get_unchecked(column).map_err(|error| error.to_string())?;
                let text = bytes.map(std::str::from_utf8).transpose();
                text.map(Into::into).map_err(|_| unsupported("BLOB"))
            }
            Kind::Instant => dated(row, column, |time: DateTime<Utc>| time.into()),
            Kind::Local => dated(row, column, |time: NaiveDateTime| time.and_utc().into()),
            Kind::Date => dated(row, column, |date: NaiveDate| date.to_string().into()),
            Kind::Time => converted(row, column, |time: MySqlTime| Ok(time_text(time).into())),
            Kind::Decimal => converted(row, column, decimal),
            Kind::Json => converted(row, column, json),
        }
    }
}

/// A time of day, or the time between two moments, which can be negative and longer than a day.
fn time_text(time: MySqlTime) -> String {
    let sign = if time.sign().is_negative() { "-" } else { "" };
    let text = format!("{sign}{:02}:{:02}:{:02}", time.hours(), time.minutes(), time.seconds());
    match time.microseconds() {
        0 => text,
        fraction if fraction % 1000 == 0 => format!("{text}.{:03}", fraction / 1000),
        fraction => format!("{text}.{fraction:06}"),
    }
}

/// A date or time. The driver takes `0000-00-00` as null.
fn dated<'r, T: sqlx::Decode<'r, MySql>>(
    row: &'r MySqlRow,
    column: usize,
    convert: impl Fn(T) -> Value<'static>,
) -> Result<Value<'r>, String> {
    let is_null = row.try_get_raw(column).map_err(|error| error.to_string())?.is_null();
    if is_null {
        return Ok(Value::Null);
    }
    converted(row, column, |time| Ok(convert(time))).map_err(|_| {
        "expected a date that exists, not one such as 2026-00-10: convert it, as in `cast(.. as char)`"
            .to_owned()
    })
}

fn converted<'r, T: sqlx::Decode<'r, MySql>>(
    row: &'r MySqlRow,
    column: usize,
    convert: impl Fn(T) -> Result<Value<'static>, String>,
) -> Result<Value<'r>, String> {
    let value: Option<T> = row.try_get_unchecked(column).map_err(|error| error.to_string())?;
    value.map_or(Ok(Value::Null), convert)
}
