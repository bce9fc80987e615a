//! Queries of SQLite.

use std::{
    str::FromStr as _,
    time::{Duration, Instant},
};

use chrono::{DateTime, NaiveDateTime, Utc};
use novi::{Context, context::Value};
use sqlx::{
    Column as _, ConnectOptions as _, Connection as _, Row as _, Sqlite, TypeInfo as _, ValueRef as _,
    sqlite::{SqliteColumn, SqliteConnectOptions, SqliteRow},
};

use crate::{
    error::AudienceError,
    stream::{Source, get, stream, unsupported},
};

/// How many instructions of SQLite's machine run between two looks at the clock.
const INSTRUCTIONS: i32 = 10_000;

pub(crate) async fn run(
    url: &str,
    sql: &str,
    timeout: Duration,
    each: impl AsyncFnMut(&Context<'_>) -> Result<(), AudienceError>,
) -> Result<u64, AudienceError> {
    // A file that is opened read-only cannot be changed by any statement.
    let options = SqliteConnectOptions::from_str(url).map_err(AudienceError::connect)?.read_only(true);
    let mut connection = options.connect().await.map_err(AudienceError::connect)?;
    let deadline = Instant::now() + timeout;
    let mut handle = connection.lock_handle().await.map_err(AudienceError::connect)?;
    handle.set_progress_handler(INSTRUCTIONS, move || Instant::now() < deadline);
    drop(handle);
    // As a subquery, it is a single statement that selects.
    let sql = format!("select * from (\n{sql}\n)");
    let counted = stream::<Sqlite>(&mut connection, &sql, each).await;
    drop(connection.close().await);
    counted.map_err(|error| if Instant::now() >= deadline { timed_out(error, timeout) } else { error })
}

fn timed_out(error: AudienceError, timeout: Duration) -> AudienceError {
    match error {
        AudienceError::Database { .. } => AudienceError::Timeout(timeout),
        error => error,
    }
}

/// What a column is declared as. All else is known by the value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Boolean,
    Time,
    Any,
}

/// A time as SQLite's functions write it, which is UTC: `2026-11-28 09:00:00.123`.
fn time(text: &str) -> Option<DateTime<Utc>> {
    let formats = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"];
    let time = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    time.map(|time| time.and_utc())
}

impl Source for Sqlite {
    type Kind = Kind;

    fn kind(column: &SqliteColumn) -> Result<Kind, String> {
        Ok(match column.type_info().name() {
            "BOOLEAN" => Kind::Boolean,
            // Also a column that is declared as TIMESTAMP.
            "DATETIME" => Kind::Time,
            _ => Kind::Any,
        })
    }

    fn value<'r>(row: &'r SqliteRow, column: usize, declared: &Kind) -> Result<Value<'r>, String> {
        let raw = row.try_get_raw(column).map_err(|error| error.to_string())?;
        if raw.is_null() {
            return Ok(Value::Null);
        }
        let kind = raw.type_info();
        match kind.name() {
            "INTEGER" | "BOOLEAN" | "INT4" | "INT8" if *declared == Kind::Boolean => {
                get::<_, bool>(row, column)
            }
            "INTEGER" | "BOOLEAN" | "INT4" | "INT8" => get::<_, i64>(row, column),
            "REAL" => get::<_, f64>(row, column),
            "TEXT" | "DATETIME" | "DATE" | "TIME" if *declared == Kind::Time => {
                let text: &str = row.try_get_unchecked(column).map_err(|error| error.to_string())?;
                Ok(time(text).map_or_else(|| text.into(), Into::into))
            }
            "TEXT" | "DATETIME" | "DATE" | "TIME" => get::<_, &str>(row, column),
            other => Err(unsupported(other)),
        }
    }
}
