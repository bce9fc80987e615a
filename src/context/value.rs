//! Values of attributes of a [`Context`](crate::context::Context).

use std::{borrow::Cow, collections::HashSet, fmt};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, SeqAccess, Visitor},
    ser::{SerializeMap, SerializeSeq},
};

/// The value of an attribute: any JSON value, an instant, or an integer of any size.
///
/// Strings are borrowed where possible.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value<'a> {
    /// No value. Equivalent to a missing attribute.
    #[default]
    Null,
    /// A boolean.
    Bool(bool),
    /// A signed 64-bit integer.
    Int(i64),
    /// An integer above [`i64::MAX`] that fits into 64 bits.
    UInt(u64),
    /// An integer that does not fit into 64 bits, as decimal digits. Seeds may have any size.
    BigInt(Cow<'a, str>),
    /// A floating-point number.
    Float(f64),
    /// A string.
    Str(Cow<'a, str>),
    /// A point in time.
    Instant(DateTime<Utc>),
    /// A list of values.
    List(Vec<Value<'a>>),
    /// Named values, in insertion order.
    Object(Vec<(Cow<'a, str>, Value<'a>)>),
}

impl<'a> Value<'a> {
    /// The name of this kind of value, for messages.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Int(_) | Self::UInt(_) | Self::BigInt(_) => "integer",
            Self::Float(_) => "number",
            Self::Str(_) => "string",
            Self::Instant(_) => "instant",
            Self::List(_) => "list",
            Self::Object(_) => "object",
        }
    }

    /// Whether this is [`Value::Null`].
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Whether this is a string without characters, which identifies nobody.
    #[inline]
    pub(crate) fn is_empty_string(&self) -> bool {
        matches!(self, Self::Str(text) if text.is_empty())
    }

    /// The string, or `None` if this is not a [`Value::Str`].
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The number, or `None` if this is not a number. Integers beyond 2^53 are rounded.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "documented")]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Int(number) => Some(*number as f64),
            Self::UInt(number) => Some(*number as f64),
            Self::BigInt(digits) => digits.parse().ok(),
            Self::Float(number) => Some(*number),
            _ => None,
        }
    }

    /// The value of a field, or `None` if this is not an object or has no such field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Value<'a>> {
        match self {
            Self::Object(fields) => fields.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// This value and those in it, at any depth.
    pub(crate) fn count(&self) -> usize {
        match self {
            Self::List(values) => 1 + values.iter().map(Value::count).sum::<usize>(),
            Self::Object(fields) => 1 + fields.iter().map(|(_, value)| value.count()).sum::<usize>(),
            _ => 1,
        }
    }

    /// The same value, with all strings owned.
    #[must_use]
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Int(number) => Value::Int(number),
            Self::UInt(number) => Value::UInt(number),
            Self::BigInt(digits) => Value::BigInt(Cow::Owned(digits.into_owned())),
            Self::Float(number) => Value::Float(number),
            Self::Str(text) => Value::Str(Cow::Owned(text.into_owned())),
            Self::Instant(instant) => Value::Instant(instant),
            Self::List(values) => Value::List(values.into_iter().map(Value::into_owned).collect()),
            Self::Object(fields) => Value::Object(
                fields
                    .into_iter()
                    .map(|(key, value)| (Cow::Owned(key.into_owned()), value.into_owned()))
                    .collect(),
            ),
        }
    }
}

/// Formats the value as JSON, as messages quote it.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

macro_rules! from {
    ($($from:ty => |$value:ident| $make:expr;)*) => {$(
        impl<'a> From<$from> for Value<'a> {
            fn from($value: $from) -> Self {
                $make
            }
        }
    )*};
}

from! {
    bool => |value| Self::Bool(value);
    i8 => |value| Self::Int(value.into());
    i16 => |value| Self::Int(value.into());
    i32 => |value| Self::Int(value.into());
    i64 => |value| Self::Int(value);
    u8 => |value| Self::Int(value.into());
    u16 => |value| Self::Int(value.into());
    u32 => |value| Self::Int(value.into());
    u64 => |value| i64::try_from(value).map_or(Self::UInt(value), Self::Int);
    usize => |value| Self::from(value as u64);
    f32 => |value| Self::Float(value.into());
    f64 => |value| Self::Float(value);
    &'a str => |value| Self::Str(Cow::Borrowed(value));
    &'a String => |value| Self::Str(Cow::Borrowed(value));
    String => |value| Self::Str(Cow::Owned(value));
    Cow<'a, str> => |value| Self::Str(value);
    DateTime<Utc> => |value| Self::Instant(value);
    () => |_value| Self::Null;
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<'a, T: Into<Value<'a>>> From<Vec<T>> for Value<'a> {
    fn from(values: Vec<T>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

impl<'a, T: Into<Value<'a>>, const N: usize> From<[T; N]> for Value<'a> {
    fn from(values: [T; N]) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

impl From<serde_json::Value> for Value<'static> {
    fn from(json: serde_json::Value) -> Self {
        use serde_json::Value as Json;
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(value),
            Json::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(int), _) => Self::Int(int),
                (None, Some(uint)) => Self::UInt(uint),
                (None, None) => number.as_f64().map_or(Self::Null, Self::Float),
            },
            Json::String(text) => Self::Str(Cow::Owned(text)),
            Json::Array(values) => Self::List(values.into_iter().map(Self::from).collect()),
            Json::Object(fields) => {
                Self::Object(fields.into_iter().map(|(key, value)| (Cow::Owned(key), value.into())).collect())
            }
        }
    }
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(number) => serializer.serialize_i64(*number),
            Self::UInt(number) => serializer.serialize_u64(*number),
            // serde has no integers of arbitrary size. A string keeps the digits that a number would round.
            Self::BigInt(digits) => serializer.serialize_str(digits),
            Self::Float(number) => serializer.serialize_f64(*number),
            Self::Str(text) => serializer.serialize_str(text),
            Self::Instant(instant) => {
                serializer.serialize_str(&instant.to_rfc3339_opts(SecondsFormat::AutoSi, true))
            }
            Self::List(values) => {
                let mut list = serializer.serialize_seq(Some(values.len()))?;
                for value in values {
                    list.serialize_element(value)?;
                }
                list.end()
            }
            Self::Object(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (key, value) in fields {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Value<'static> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'static>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(value.to_owned().into())
    }

    fn visit_string<E>(self, value: String) -> Result<Self::Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(Value::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields: Vec<(Cow<'static, str>, Value<'static>)> = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, Value<'static>>()? {
            fields.push((Cow::Owned(key), value));
        }
        keep_last(&mut fields);
        Ok(Value::Object(fields))
    }
}

/// Of fields with the same name only the last one counts, as with attributes of the context itself.
fn keep_last(fields: &mut Vec<(Cow<'static, str>, Value<'static>)>) {
    /// Up to this size, comparing all pairs is faster than hashing.
    const FEW: usize = 8;
    let has_same = |(index, (name, _)): (usize, &(Cow<'_, str>, _))| {
        fields.iter().take(index).any(|(other, _)| other == name)
    };
    let is_unique = if fields.len() <= FEW {
        !fields.iter().enumerate().any(has_same)
    } else {
        let mut names = HashSet::with_capacity(fields.len());
        fields.iter().all(|(name, _)| names.insert(name))
    };
    if is_unique {
        return;
    }
    let mut names = HashSet::with_capacity(fields.len());
    let mut kept: Vec<_> = std::mem::take(fields).into_iter().rev().collect();
    kept.retain(|(name, _)| names.insert(name.clone()));
    kept.reverse();
    *fields = kept;
}
