//! Queries of PostgreSQL.

use std::{str::FromStr as _, time::Duration};

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use novi::{Context, context::Value};
use sqlx::{
    AssertSqlSafe, Column as _, ConnectOptions as _, Connection as _, Executor as _, Postgres, Row as _,
    TypeInfo as _, ValueRef as _,
    postgres::{PgColumn, PgConnectOptions, PgRow, PgTypeKind},
};

use crate::{
    error::AudienceError,
    numeric,
    stream::{Source, decimal, get, json, local, stream, unsupported},
};

/// What the server says of a statement that took too long.
const QUERY_CANCELED: &str = "57014";

pub(crate) async fn run(
    url: &str,
    sql: &str,
    timeout: Duration,
    each: impl AsyncFnMut(&Context<'_>) -> Result<(), AudienceError>,
) -> Result<u64, AudienceError> {
    let options = PgConnectOptions::from_str(url).map_err(AudienceError::connect)?;
    let options = options.application_name("novi audience");
    let mut connection = options.connect().await.map_err(AudienceError::connect)?;
    let begin = format!(
        "begin isolation level repeatable read read only; set local statement_timeout = {}",
        timeout.as_millis().max(1)
    );
    connection.execute(AssertSqlSafe(begin)).await.map_err(AudienceError::query)?;
    let counted = stream::<Postgres>(&mut connection, sql, each).await;
    drop(connection.close().await);
    counted.map_err(|error| timed_out(error, timeout))
}

fn timed_out(error: AudienceError, timeout: Duration) -> AudienceError {
    match &error {
        AudienceError::Database { source: sqlx::Error::Database(found), .. }
            if found.code().is_some_and(|code| code == QUERY_CANCELED) =>
        {
            AudienceError::Timeout(timeout)
        }
        _ => error,
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Boolean,
    Small,
    Integer,
    Big,
    Real,
    Double,
    Numeric,
    Text,
    Uuid,
    Json,
    JsonBinary,
    Instant,
    Local,
    Date,
    Time,
    Texts,
    Integers,
    Bigs,
}

impl Source for Postgres {
    type Kind = Kind;

    fn kind(column: &PgColumn) -> Result<Kind, String> {
        let info = column.type_info();
        Ok(match info.name() {
            "BOOL" => Kind::Boolean,
            "INT2" => Kind::Small,
            "INT4" => Kind::Integer,
            "INT8" => Kind::Big,
            "FLOAT4" => Kind::Real,
            "FLOAT8" => Kind::Double,
            "NUMERIC" => Kind::Numeric,
            "TEXT" | "VARCHAR" | "CHAR" | "NAME" | "UNKNOWN" | "citext" => Kind::Text,
            "UUID" => Kind::Uuid,
            "JSON" => Kind::Json,
            "JSONB" => Kind::JsonBinary,
            "TIMESTAMPTZ" => Kind::Instant,
            "TIMESTAMP" => Kind::Local,
            "DATE" => Kind::Date,
            "TIME" => Kind::Time,
            "TEXT[]" | "VARCHAR[]" | "NAME[]" => Kind::Texts,
            "INT4[]" => Kind::Integers,
            "INT8[]" => Kind::Bigs,
            _ if matches!(info.kind(), PgTypeKind::Enum(_)) => Kind::Text,
            other => return Err(unsupported(other)),
        })
    }

    fn value<'r>(row: &'r PgRow, column: usize, kind: &Kind) -> Result<Value<'r>, String> {
        match kind {
            Kind::Boolean => get::<_, bool>(row, column),
            Kind::Small => get::<_, i16>(row, column),
            Kind::Integer => get::<_, i32>(row, column),
            Kind::Big => get::<_, i64>(row, column),
            Kind::Real => get::<_, f32>(row, column),
            Kind::Double => get::<_, f64>(row, column),
            Kind::Text => get::<_, &str>(row, column),
            Kind::Instant => get::<_, DateTime<Utc>>(row, column),
            Kind::Texts => get::<_, Vec<String>>(row, column),
            Kind::Integers => get::<_, Vec<i32>>(row, column),
            Kind::Bigs => get::<_, Vec<i64>>(row, column),
            Kind::Local => formatted(row, column, |time: NaiveDateTime| local(time)),
            Kind::Date => formatted(row, column, |date: NaiveDate| date.to_string()),
            Kind::Time => formatted(row, column, |time: NaiveTime| time.to_string()),
            Kind::Numeric => bytes(row, column, |bytes| decimal(&numeric::digits(bytes)?)),
            Kind::Json => bytes(row, column, |bytes| json(text(bytes)?)),
            // The first byte is the version of the format.
            Kind::JsonBinary => bytes(row, column, |bytes| json(text(bytes.get(1..).unwrap_or_default())?)),
            Kind::Uuid => bytes(row, column, |bytes| {
                let uuid = uuid::Uuid::from_slice(bytes).map_err(|error| error.to_string())?;
                Ok(uuid.to_string().into())
            }),
        }
    }
}

/// A value as text.
fn formatted<'r, T: sqlx::Decode<'r, Postgres>>(
    row: &'r PgRow,
    column: usize,
    format: impl Fn(T) -> String,
) -> Result<Value<'r>, String> {
    let value: Option<T> = row.try_get_unchecked(column).map_err(|error| error.to_string())?;
    Ok(value.map(format).into())
}

/// A value by the bytes that the server sends.
fn bytes(
    row: &PgRow,
    column: usize,
    read: impl Fn(&[u8]) -> Result<Value<'static>, String>,
) -> Result<Value<'_>, String> {
    let raw = row.try_get_raw(column).map_err(|error| error.to_string())?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    read(raw.as_bytes().map_err(|error| error.to_string())?)
}

fn text(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|_| "expected UTF-8".to_owned())
}
