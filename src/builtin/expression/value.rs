//! What an expression's parts are worth.

use std::{borrow::Cow, cmp::Ordering, fmt, ops::Deref, sync::Arc};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use crate::{
    builtin::{
        audience::attribute::{number::Number, version::Version},
        expression::error::FaultKind,
    },
    context::value::Value,
};

/// A value. What lies in the context, in the row or in the expression is borrowed from there.
#[derive(Clone, Debug)]
pub(super) enum Val<'v> {
    Null,
    Bool(bool),
    Int(i64),
    UInt(u64),
    Float(f64),
    Text(Text<'v>),
    Instant(DateTime<Utc>),
    Duration(TimeDelta),
    /// A version that is short, as a number in the same order.
    Release(u64),
    /// Any other version.
    Version(Text<'v>),
    List(List<'v>),
    Map(Map<'v>),
    Type(Type),
}

#[derive(Clone, Debug)]
pub(super) enum Text<'v> {
    Borrowed(&'v str),
    Own(Arc<str>),
}

#[derive(Clone, Debug)]
pub(super) enum List<'v> {
    /// Of the context, or of a config.
    Values(&'v [Value<'v>]),
    /// Of the expression.
    Items(&'v [Val<'v>]),
    Own(Arc<[Val<'v>]>),
}

pub(super) type Entry<'v> = (Val<'v>, Val<'v>);

#[derive(Clone, Debug)]
pub(super) enum Map<'v> {
    /// Of the context, or of a config.
    Fields(&'v [(Cow<'v, str>, Value<'v>)]),
    /// Of the expression.
    Entries(&'v [Entry<'v>]),
    Own(Arc<[Entry<'v>]>),
}

/// What `type(..)` gives.
#[expect(clippy::enum_variant_names, reason = "a type is one, too")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Null,
    Bool,
    Int,
    UInt,
    Double,
    String,
    Timestamp,
    Duration,
    Version,
    List,
    Map,
    Type,
}

impl Type {
    /// Names that stand for a type, unless the caller has an attribute of that name.
    const NAMES: [(&'static str, Self); 9] = [
        ("null_type", Self::Null),
        ("bool", Self::Bool),
        ("int", Self::Int),
        ("uint", Self::UInt),
        ("double", Self::Double),
        ("string", Self::String),
        ("list", Self::List),
        ("map", Self::Map),
        ("type", Self::Type),
    ];

    pub(super) fn find(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, found)| *found)
    }

    /// With its article, for messages.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Int => "an int",
            Self::UInt => "a uint",
            Self::Double => "a double",
            Self::String => "a string",
            Self::Timestamp => "a timestamp",
            Self::Duration => "a duration",
            Self::Version => "a version",
            Self::List => "a list",
            Self::Map => "a map",
            Self::Type => "a type",
        }
    }
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Own(text) => text,
        }
    }
}

impl<'v> Text<'v> {
    pub(super) fn borrow(&'v self) -> Self {
        Self::Borrowed(self)
    }
}

impl<'v> Val<'v> {
    pub(super) fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(Text::Own(text.into()))
    }

    pub(super) fn list(items: Vec<Self>) -> Self {
        Self::List(List::Own(items.into()))
    }

    pub(super) fn of(value: &'v Value<'v>) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(number) => Self::Int(*number),
            Value::UInt(number) => Self::UInt(*number),
            // CEL's whole numbers have 64 bits.
            Value::BigInt(digits) => Self::Float(digits.parse().unwrap_or(f64::NAN)),
            Value::Float(number) => Self::Float(*number),
            Value::Str(text) => Self::Text(Text::Borrowed(text)),
            Value::Instant(instant) => Self::Instant(*instant),
            Value::List(values) => Self::List(List::Values(values)),
            Value::Object(fields) => Self::Map(Map::Fields(fields)),
        }
    }

    /// The same, without a count of who holds it.
    pub(super) fn borrow(&'v self) -> Self {
        match self {
            Self::Text(text) => Self::Text(text.borrow()),
            Self::Version(text) => Self::Version(text.borrow()),
            Self::List(List::Own(items)) => Self::List(List::Items(items)),
            Self::Map(Map::Own(entries)) => Self::Map(Map::Entries(entries)),
            other => other.clone(),
        }
    }

    pub(super) const fn kind(&self) -> Type {
        match self {
            Self::Null => Type::Null,
            Self::Bool(_) => Type::Bool,
            Self::Int(_) => Type::Int,
            Self::UInt(_) => Type::UInt,
            Self::Float(_) => Type::Double,
            Self::Text(_) => Type::String,
            Self::Instant(_) => Type::Timestamp,
            Self::Duration(_) => Type::Duration,
            Self::Release(_) | Self::Version(_) => Type::Version,
            Self::List(_) => Type::List,
            Self::Map(_) => Type::Map,
            Self::Type(_) => Type::Type,
        }
    }

    pub(super) fn number(&self) -> Option<Number> {
        match self {
            Self::Int(number) => Some(Number::of(&Value::Int(*number))?),
            Self::UInt(number) => Some(Number::of(&Value::UInt(*number))?),
            Self::Float(number) => Some(Number::of(&Value::Float(*number))?),
            _ => None,
        }
    }

    fn version(&self) -> Option<Version<'_>> {
        match self {
            Self::Release(number) => Some(Version::of_short_release(*number)),
            Self::Version(text) => Version::parse(text),
            _ => None,
        }
    }

    /// Which of two is the greater one, or nothing if one is no number (NaN).
    pub(super) fn order(&self, other: &Val<'_>) -> Result<Option<Ordering>, FaultKind> {
        Ok(Some(match (self, other) {
            (Self::Int(one), Val::Int(other)) => one.cmp(other),
            (Self::Text(one), Val::Text(other)) => (**one).cmp(&**other),
            (Self::Bool(one), Val::Bool(other)) => one.cmp(other),
            (Self::Instant(one), Val::Instant(other)) => one.cmp(other),
            (Self::Duration(one), Val::Duration(other)) => one.cmp(other),
            (Self::Release(one), Val::Release(other)) => one.cmp(other),
            _ => match (self.number(), other.number(), self.version(), other.version()) {
                (Some(one), Some(other), ..) => return Ok(one.compare(other)),
                (.., Some(one), Some(other)) => one.compare(&other),
                _ => return Err(FaultKind::Kind),
            },
        }))
    }
}

impl<'v> List<'v> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Values(values) => values.len(),
            Self::Items(items) => items.len(),
            Self::Own(items) => items.len(),
        }
    }

    pub(super) fn get(&self, at: usize) -> Option<Val<'v>> {
        match self {
            Self::Values(values) => values.get(at).map(Val::of),
            Self::Items(items) => items.get(at).map(Val::borrow),
            Self::Own(items) => items.get(at).cloned(),
        }
    }
}

impl<'v> Map<'v> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Fields(fields) => fields.len(),
            Self::Entries(entries) => entries.len(),
            Self::Own(entries) => entries.len(),
        }
    }

    /// The key and the value in this place.
    pub(super) fn get(&self, at: usize) -> Option<Entry<'v>> {
        match self {
            Self::Fields(fields) => {
                fields.get(at).map(|(key, value)| (Val::Text(Text::Borrowed(key)), Val::of(value)))
            }
            Self::Entries(entries) => entries.get(at).map(|(key, value)| (key.borrow(), value.borrow())),
            Self::Own(entries) => entries.get(at).cloned(),
        }
    }

    /// The value of a field.
    pub(super) fn field(&self, name: &str) -> Option<Val<'v>> {
        let is_name = |key: &Val<'_>| matches!(key, Val::Text(text) if **text == *name);
        match self {
            Self::Fields(fields) => {
                fields.iter().find(|(key, _)| key == name).map(|(_, value)| Val::of(value))
            }
            Self::Entries(entries) => {
                entries.iter().find(|(key, _)| is_name(key)).map(|(_, value)| value.borrow())
            }
            Self::Own(entries) => {
                entries.iter().find(|(key, _)| is_name(key)).map(|(_, value)| value.clone())
            }
        }
    }
}

/// As people write it, for messages.
impl fmt::Display for Val<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => value.fmt(f),
            Self::Int(number) => number.fmt(f),
            Self::UInt(number) => number.fmt(f),
            Self::Float(number) => number.fmt(f),
            Self::Text(text) => write!(f, "{:?}", &**text),
            Self::Instant(instant) => f.write_str(&instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            Self::Duration(duration) => {
                f.write_str(&crate::builtin::expression::convert::duration_text(*duration))
            }
            Self::Release(_) | Self::Version(_) => f.write_str("a version"),
            Self::List(list) => write!(f, "a list of {}", list.len()),
            Self::Map(map) => write!(f, "a map of {}", map.len()),
            Self::Type(kind) => f.write_str(kind.name()),
        }
    }
}
