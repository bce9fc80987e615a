//! OpenFeature's context, as novi's.

use std::{any::Any, borrow::Cow};

use chrono::DateTime;
use novi::{TARGETING_KEY, Value};
use open_feature::{
    EvaluationContext, EvaluationContextFieldValue as Field, EvaluationError, EvaluationErrorCode,
    StructValue, Value as SdkValue,
};

/// The attributes, with their text borrowed.
pub(crate) fn attributes(
    context: &EvaluationContext,
) -> Result<Vec<(Cow<'_, str>, Value<'_>)>, EvaluationError> {
    let mut attributes = Vec::with_capacity(context.custom_fields.len() + 1);
    if let Some(key) = &context.targeting_key {
        attributes.push((Cow::Borrowed(TARGETING_KEY), Value::from(key)));
    }
    // Of two attributes of one name novi takes the first, so a field can not take the place of the key.
    for (name, field) in &context.custom_fields {
        let value = value(field).ok_or_else(|| invalid(name, "a type that novi can not see into"))?;
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
        "a truth value, a number, a string, a time, or a struct that is a novi::Value<'static>, a serde_json::Value, or a \
         Value or StructValue of the SDK"
    };
    let message = format!("the context's field {name:?}: expected {expected}, found {found}");
    EvaluationError { code: EvaluationErrorCode::InvalidContext, message: Some(message) }
}

fn value(field: &Field) -> Option<Value<'_>> {
    Some(match field {
        Field::Bool(truth) => Value::Bool(*truth),
        Field::Int(number) => Value::Int(*number),
        Field::Float(number) => Value::Float(*number),
        Field::String(text) => Value::from(text),
        Field::DateTime(time) => {
            Value::Instant(DateTime::from_timestamp(time.unix_timestamp(), time.nanosecond())?)
        }
        Field::Struct(any) => seen_into(&**any)?,
    })
}

/// The types that people put into a field, so far as they are known here.
fn seen_into(any: &(dyn Any + Send + Sync)) -> Option<Value<'_>> {
    if let Some(value) = any.downcast_ref::<Value<'static>>() {
        return Some(value.clone());
    }
    if let Some(json) = any.downcast_ref::<serde_json::Value>() {
        return Some(Value::from(json.clone()));
    }
    if let Some(object) = any.downcast_ref::<StructValue>() {
        return Some(of_struct(object));
    }
    any.downcast_ref::<SdkValue>().map(of_sdk)
}

fn of_sdk(value: &SdkValue) -> Value<'_> {
    match value {
        SdkValue::Bool(truth) => Value::Bool(*truth),
        SdkValue::Int(number) => Value::Int(*number),
        SdkValue::Float(number) => Value::Float(*number),
        SdkValue::String(text) => Value::from(text),
        SdkValue::Array(values) => Value::List(values.iter().map(of_sdk).collect()),
        SdkValue::Struct(object) => of_struct(object),
    }
}

fn of_struct(object: &StructValue) -> Value<'_> {
    let fields = object.fields.iter();
    Value::Object(fields.map(|(name, value)| (Cow::Borrowed(name.as_str()), of_sdk(value))).collect())
}
