//! Queries of PostgreSQL.

use std::{str::FromStr as _, time::Duration};

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta};
use novi::{Context, context::Value};
use sqlx::{
    AssertSqlSafe, Column as _, ConnectOptions as _, Connection as _, Executor as _, Postgres, Row as _,
    TypeInfo as _, ValueRef as _,
    postgres::{PgColumn, PgConnectOptions, PgRow, PgTypeKind},
};

use crate::{
    error::AudienceError,
    numeric,
    stream::{Source, decimal, get, json, single, stream, unsupported},
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
    Padded,
    Uuid,
    Json,
    JsonBinary,
    Instant,
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
            "TEXT" | "VARCHAR" | "NAME" | "UNKNOWN" | "citext" => Kind::Text,
            // `char(n)`
            "CHAR" => Kind::Padded,
            "UUID" => Kind::Uuid,
            "JSON" => Kind::Json,
            "JSONB" => Kind::JsonBinary,
            // A time without a zone is taken as UTC.
            "TIMESTAMPTZ" | "TIMESTAMP" => Kind::Instant,
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
            Kind::Real => bytes(row, column, |bytes| {
                Ok(single(f32::from_be_bytes(bytes.try_into().map_err(|_| unreadable())?)))
            }),
            Kind::Double => get::<_, f64>(row, column),
            Kind::Text => get::<_, &str>(row, column),
            // The padding is no part of the value, and PostgreSQL's own casts to text leave it out.
            Kind::Padded => formatted(row, column, |text: &str| text.trim_end_matches(' ').to_owned()),
            Kind::Texts => list::<Option<String>>(row, column),
            Kind::Integers => list::<Option<i32>>(row, column),
            Kind::Bigs => list::<Option<i64>>(row, column),
            Kind::Instant => bytes(row, column, instant),
            Kind::Date => bytes(row, column, date),
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

/// A list, whose elements can be null.
fn list<'r, T>(row: &'r PgRow, column: usize) -> Result<Value<'r>, String>
where
    Vec<T>: sqlx::Decode<'r, Postgres> + Into<Value<'r>>,
{
    get::<_, Vec<T>>(row, column).map_err(|_| {
        "expected a list of one dimension: convert it, as in `array(select unnest(..))`".to_owned()
    })
}

/// The start of PostgreSQL's time, 2000-01-01, in microseconds since 1970.
const EPOCH: i64 = 946_684_800_000_000;

/// A time in microseconds. The driver panics for `infinity`.
fn instant(bytes: &[u8]) -> Result<Value<'static>, String> {
    let micros = i64::from_be_bytes(bytes.try_into().map_err(|_| unreadable())?);
    let time = micros.checked_add(EPOCH).and_then(DateTime::from_timestamp_micros);
    time.map(Into::into).ok_or_else(too_far)
}

/// A date in days. The driver panics for `infinity`.
fn date(bytes: &[u8]) -> Result<Value<'static>, String> {
    let days = i32::from_be_bytes(bytes.try_into().map_err(|_| unreadable())?);
    let epoch = NaiveDate::from_ymd_opt(2000, 1, 1);
    let date = epoch.and_then(|epoch| epoch.checked_add_signed(TimeDelta::try_days(days.into())?));
    date.map(|date| date.to_string().into()).ok_or_else(too_far)
}

fn too_far() -> String {
    "`infinity` and years after 262142 cannot be attributes: select `nullif(.., 'infinity')`".to_owned()
}

fn unreadable() -> String {
    "unreadable value".to_owned()
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
