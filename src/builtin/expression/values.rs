//! Values of novi as values of expressions. Lists and objects are borrowed and converted item by item.

use chrono::{DateTime, Utc};
use novi_cel::{Fields, Sequence, Value as CelValue, Variables};

use crate::{activation::evaluation::Evaluation, context::value::Value};

impl Variables for Evaluation<'_> {
    #[inline]
    fn get(&self, name: &str) -> Option<CelValue<'_>> {
        self.get(name).map(borrow)
    }

    fn all(&self) -> impl Iterator<Item = (&str, CelValue<'_>)> {
        self.attributes().map(|(name, value)| (name, borrow(value)))
    }

    fn now(&self) -> Option<DateTime<Utc>> {
        Some(self.now())
    }
}

#[inline]
fn borrow<'v>(value: &'v Value<'v>) -> CelValue<'v> {
    match value {
        Value::Null => CelValue::Null,
        Value::Bool(value) => CelValue::Bool(*value),
        Value::Int(number) => CelValue::Int(*number),
        Value::UInt(number) => CelValue::UInt(*number),
        // CEL has integers of 64 bits only.
        Value::BigInt(digits) => CelValue::Double(digits.parse().unwrap_or(f64::NAN)),
        Value::Float(number) => CelValue::Double(*number),
        Value::Str(text) => CelValue::borrowed_str(text),
        Value::Instant(instant) => CelValue::Timestamp(*instant),
        Value::List(_) => CelValue::borrowed_list(value),
        Value::Object(_) => CelValue::borrowed_map(value),
    }
}

impl Sequence for Value<'_> {
    fn size(&self) -> usize {
        items(self).len()
    }

    fn get(&self, index: usize) -> Option<CelValue<'_>> {
        items(self).get(index).map(borrow)
    }
}

impl Fields for Value<'_> {
    fn size(&self) -> usize {
        fields(self).len()
    }

    fn entry(&self, index: usize) -> Option<(&str, CelValue<'_>)> {
        fields(self).get(index).map(|(name, value)| (&**name, borrow(value)))
    }

    fn get(&self, name: &str) -> Option<CelValue<'_>> {
        self.field(name).map(borrow)
    }
}

fn items<'s, 'v>(value: &'s Value<'v>) -> &'s [Value<'v>] {
    match value {
        Value::List(items) => items,
        _ => &[],
    }
}

fn fields<'s, 'v>(value: &'s Value<'v>) -> &'s [(std::borrow::Cow<'v, str>, Value<'v>)] {
    match value {
        Value::Object(fields) => fields,
        _ => &[],
    }
}

/// The constant `config` of an expression.
pub(super) fn from_json(json: &serde_json::Value) -> CelValue<'static> {
    borrow(&json.clone().into()).into_owned()
}
