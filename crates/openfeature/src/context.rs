//! From OpenFeature's context to novi's.

use std::{any::Any, borrow::Cow};

use chrono::DateTime;
use novi::{Value, context::TARGETING_KEY};
use open_feature::{
    EvaluationContext, EvaluationContextFieldValue as Field, EvaluationError, EvaluationErrorCode,
    StructValue, Value as SdkValue,
};

/// The attributes, with borrowed text.
pub(crate) fn attributes(
    context: &EvaluationContext,
) -> Result<Vec<(Cow<'_, str>, Value<'_>)>, EvaluationError> {
    let mut attributes = Vec::with_capacity(context.custom_fields.len() + 1);
    if let Some(key) = &context.targeting_key {
        attributes.push((Cow::Borrowed(TARGETING_KEY), Value::from(key)));
    }
    // Novi uses the first of two attributes with the same name, so a field cannot replace the key.
    for (name, field) in &context.custom_fields {
        let value = value(field).ok_or_else(|| invalid(name, "an opaque type"))?;
        if name == TARGETING_KEY && !matches!(value, Value::Str(_)) {
            return Err(invalid(name, value.kind()));
        }
        attributes.push((Cow::Borrowed(name), value));
    }
    Ok(attributes)
}

fn invalid(name: &str, found: &str) -> EvaluationError {
    let expected = if name == TARGETING_KEY {
        "a string"
    } else {
        "a boolean, a number, a string, a time, or a struct with a novi::Value<'static>, a serde_json::Value, or a Value \
         or StructValue of the SDK"
    };
    let message = format!("context field {name:?}: expected {expected}, found {found}");
    EvaluationError { code: EvaluationErrorCode::InvalidContext, message: Some(message) }
}

fn value(field: &Field) -> Option<Value<'_>> {
    Some(match field {
        Field::Bool(boolean) => Value::Bool(*boolean),
        Field::Int(number) => Value::Int(*number),
        Field::Float(number) => Value::Float(*number),
        Field::String(text) => Value::from(text),
        Field::DateTime(time) => {
            Value::Instant(DateTime::from_timestamp(time.unix_timestamp(), time.nanosecond())?)
        }
        Field::Struct(any) => from_any(&**any)?,
    })
}

/// Converts the supported types of an opaque field.
fn from_any(any: &(dyn Any + Send + Sync)) -> Option<Value<'_>> {
    if let Some(value) = any.downcast_ref::<Value<'static>>() {
        return Some(value.clone());
    }
    if let Some(json) = any.downcast_ref::<serde_json::Value>() {
        return Some(Value::from(json.clone()));
    }
    if let Some(object) = any.downcast_ref::<StructValue>() {
        return Some(from_struct(object));
    }
    any.downcast_ref::<SdkValue>().map(from_sdk)
}

fn from_sdk(value: &SdkValue) -> Value<'_> {
    match value {
        SdkValue::Bool(boolean) => Value::Bool(*boolean),
        SdkValue::Int(number) => Value::Int(*number),
        SdkValue::Float(number) => Value::Float(*number),
        SdkValue::String(text) => Value::from(text),
        SdkValue::Array(values) => Value::List(values.iter().map(from_sdk).collect()),
        SdkValue::Struct(object) => from_struct(object),
    }
}

fn from_struct(object: &StructValue) -> Value<'_> {
    let fields = object.fields.iter();
    Value::Object(fields.map(|(name, value)| (Cow::Borrowed(name.as_str()), from_sdk(value))).collect())
}
