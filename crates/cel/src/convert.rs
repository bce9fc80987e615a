//! Conversions between types.

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, Utc};

use crate::{
    duration,
    types::Type,
    value::{Str, Value},
};

/// The instant, or `None` if its year is not within 1 to 9999.
pub(crate) fn instant(instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let limit = |year| Some(NaiveDate::from_ymd_opt(year, 1, 1)?.and_time(NaiveTime::MIN).and_utc());
    (limit(1)? <= instant && instant < limit(10_000)?).then_some(instant)
}

fn parse_instant(text: &str) -> Option<DateTime<Utc>> {
    instant(DateTime::parse_from_rfc3339(text).ok()?.to_utc())
}

/// Converts a value to another type; `None` if that is not possible.
pub(crate) fn to(kind: Type, value: Value<'_>) -> Option<Value<'_>> {
    if value.kind() == kind {
        return Some(value);
    }
    match kind {
        Type::Bool => to_bool(&value),
        Type::Int => to_int(&value),
        Type::UInt => to_uint(&value),
        Type::Double => to_double(&value),
        Type::String => to_string(&value),
        Type::Timestamp => match value {
            Value::String(text) => parse_instant(&text).map(Value::Timestamp),
            Value::Int(seconds) => instant(DateTime::from_timestamp(seconds, 0)?).map(Value::Timestamp),
            _ => None,
        },
        Type::Duration => match value {
            Value::String(text) => duration::parse(&text).map(Value::Duration),
            _ => None,
        },
        _ => None,
    }
}

fn to_bool(value: &Value<'_>) -> Option<Value<'static>> {
    let Value::String(text) = value else { return None };
    match &**text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(Value::Bool(true)),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(Value::Bool(false)),
        _ => None,
    }
}

fn to_int(value: &Value<'_>) -> Option<Value<'static>> {
    // 2^63, the first number out of range.
    const END: f64 = 9_223_372_036_854_775_808.0;
    match value {
        Value::UInt(number) => i64::try_from(*number).ok(),
        #[expect(clippy::cast_possible_truncation, reason = "in range; the fraction is dropped")]
        Value::Double(number) => (-END < *number && *number < END).then_some(*number as i64),
        Value::String(text) => text.parse().ok(),
        Value::Timestamp(instant) => Some(instant.timestamp()),
        _ => None,
    }
    .map(Value::Int)
}

fn to_uint(value: &Value<'_>) -> Option<Value<'static>> {
    // 2^64, the first number out of range.
    const END: f64 = 18_446_744_073_709_551_616.0;
    match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range")]
        Value::Double(number) => (0.0 <= *number && *number < END).then_some(*number as u64),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
    .map(Value::UInt)
}

#[expect(clippy::cast_precision_loss, reason = "CEL rounds to the nearest double")]
fn to_double(value: &Value<'_>) -> Option<Value<'static>> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::UInt(number) => Some(*number as f64),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
    .map(Value::Double)
}

fn to_string(value: &Value<'_>) -> Option<Value<'static>> {
    match value {
        Value::Bool(value) => Some(value.to_string()),
        Value::Int(number) => Some(number.to_string()),
        Value::UInt(number) => Some(number.to_string()),
        Value::Double(number) => Some(number.to_string()),
        Value::Timestamp(instant) => Some(instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
        Value::Duration(duration) => Some(duration::format(*duration)),
        _ => None,
    }
    .map(|text| Value::String(text.into()))
}

/// The string in lower or upper case; the same string if nothing changes.
pub(crate) fn to_case(text: Str<'_>, upper: bool) -> Str<'_> {
    let is_unchanged = |c: char| {
        if upper { c.is_ascii() && !c.is_ascii_lowercase() } else { c.is_ascii() && !c.is_ascii_uppercase() }
    };
    if text.chars().all(is_unchanged) {
        return text;
    }
    if upper { text.to_uppercase() } else { text.to_lowercase() }.into()
}
