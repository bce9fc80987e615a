//! Single values: texts, numbers and truth values.

use std::fmt::{Display, Write as _};

use arrayvec::ArrayString;
use schemars::JsonSchema;

use crate::context::value::Value;

/// Whether two single values are the same: numbers by their value, whatever JSON wrote them as. Text is no number.
pub(in crate::builtin) fn same(one: &Value<'_>, other: &Value<'_>) -> bool {
    match (one, other) {
        (Value::Str(one), Value::Str(other)) => one == other,
        (Value::Bool(one), Value::Bool(other)) => one == other,
        // As floats, neighbours beyond 2^53 would be one.
        (Value::Int(one), Value::Int(other)) => one == other,
        (Value::UInt(one), Value::UInt(other)) => one == other,
        #[expect(clippy::float_cmp, reason = "both were written down, neither was computed")]
        _ => one.as_f64().zip(other.as_f64()).is_some_and(|(one, other)| one == other),
    }
}

/// What `read` makes of the text that a caller is known by: text itself, or the decimal digits of a whole number, so that 7
/// and "7" are one caller. Nothing for other values.
#[inline(always)]
pub(in crate::builtin) fn with_key<T>(value: &Value<'_>, read: impl FnOnce(&str) -> T) -> Option<T> {
    match value {
        Value::Str(text) | Value::BigInt(text) => Some(read(text)),
        Value::Int(number) => Some(read(&digits(number)?)),
        Value::UInt(number) => Some(read(&digits(number)?)),
        _ => None,
    }
}

/// The decimal digits of a whole number of 64 bits, which are twenty, or nineteen and a sign.
pub(in crate::builtin) fn digits(number: &dyn Display) -> Option<ArrayString<20>> {
    let mut text = ArrayString::new();
    write!(text, "{number}").ok()?;
    Some(text)
}

/// A single value, for schemas.
#[derive(JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
#[expect(dead_code, reason = "its schema alone is used")]
pub(in crate::builtin) enum Scalar {
    #[schemars(title = "string")]
    Text(String),
    #[schemars(title = "number")]
    Number(f64),
    #[schemars(title = "boolean")]
    Truth(bool),
}
