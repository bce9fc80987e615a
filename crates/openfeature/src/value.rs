//! Values of flags, as the types of OpenFeature.

use std::fmt;

use novi::Decision;
use open_feature::{StructValue, Value};
use serde_json::Value as Json;

/// The requested type.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Bool,
    Int,
    Float,
    String,
    Struct,
}

/// The name of the type in messages.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "a boolean",
            Self::Int => "a 64-bit integer",
            Self::Float => "a number",
            Self::String => "a string",
            Self::Struct => "an object with 64-bit integers and without nulls in lists",
        })
    }
}

/// The value, or a description of a value of another type; `None` if the flag has no value.
pub(crate) type Read<T> = Option<Result<T, String>>;

pub(crate) fn read_bool(decision: &Decision) -> Read<bool> {
    read(decision, Json::as_bool)
}

pub(crate) fn read_int(decision: &Decision) -> Read<i64> {
    read(decision, Json::as_i64)
}

pub(crate) fn read_float(decision: &Decision) -> Read<f64> {
    read(decision, Json::as_f64)
}

pub(crate) fn read_string(decision: &Decision) -> Read<String> {
    if decision.has_values() {
        return read(decision, |value| value.as_str().map(str::to_owned));
    }
    match (decision.variant(), decision.enabled()) {
        (Some(variant), _) => Some(Ok(variant.to_owned())),
        (None, true) => Some(Err("a flag that is on without a variant".to_owned())),
        (None, false) => None,
    }
}

pub(crate) fn read_struct(decision: &Decision) -> Read<StructValue> {
    read(decision, |value| value.as_object().and_then(object))
}

fn read<T>(decision: &Decision, read: impl FnOnce(&Json) -> Option<T>) -> Read<T> {
    let value = decision.value()?;
    Some(read(value).ok_or_else(|| described(decision, value)))
}

/// Describes a value of the wrong type, without quoting it: it may be long, and goes into logs.
fn described(decision: &Decision, value: &Json) -> String {
    let kind = match value {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    };
    match decision.variant().filter(|_| decision.has_values()) {
        Some(variant) => format!("{kind}, the value of variant {variant:?}"),
        None => format!("{kind}, because the variants have no values"),
    }
}

/// Leaves out null fields: the SDK has no null, and code must expect a missing field anyway.
fn object(fields: &serde_json::Map<String, Json>) -> Option<StructValue> {
    let fields = fields.iter().filter(|(_, value)| !value.is_null());
    let fields = fields.map(|(name, value)| Some((name.clone(), self::value(value)?)));
    Some(StructValue { fields: fields.collect::<Option<_>>()? })
}

fn value(value: &Json) -> Option<Value> {
    Some(match value {
        // A null in a list cannot be left out.
        Json::Null => return None,
        Json::Bool(boolean) => Value::Bool(*boolean),
        Json::Number(number) if number.is_f64() => Value::Float(number.as_f64()?),
        Json::Number(number) => Value::Int(number.as_i64()?),
        Json::String(text) => Value::String(text.clone()),
        Json::Array(values) => Value::Array(values.iter().map(self::value).collect::<Option<_>>()?),
        Json::Object(fields) => Value::Struct(object(fields)?),
    })
}
