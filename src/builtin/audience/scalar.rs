//! Scalars: strings, numbers and booleans.

use schemars::JsonSchema;

pub(in crate::builtin) use crate::activation::key::{digits, with_key};
use crate::context::value::Value;

/// Returns `true` if two scalars are equal. Numbers are compared by value, whatever their type; a string
/// never equals a number.
pub(in crate::builtin) fn same(one: &Value<'_>, other: &Value<'_>) -> bool {
    match (one, other) {
        (Value::Str(one), Value::Str(other)) => one == other,
        (Value::Bool(one), Value::Bool(other)) => one == other,
        // As floats, neighbors above 2^53 would be equal.
        (Value::Int(one), Value::Int(other)) => one == other,
        (Value::UInt(one), Value::UInt(other)) => one == other,
        #[expect(clippy::float_cmp, reason = "both are literals, neither was computed")]
        _ => one.as_f64().zip(other.as_f64()).is_some_and(|(one, other)| one == other),
    }
}

/// A scalar, for schemas.
#[derive(JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
#[expect(dead_code, reason = "only for its schema")]
pub(in crate::builtin) enum Scalar {
    #[schemars(title = "string")]
    Text(String),
    #[schemars(title = "number")]
    Number(f64),
    #[schemars(title = "boolean")]
    Truth(bool),
}
