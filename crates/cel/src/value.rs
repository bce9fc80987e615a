//! Values of expressions.

use std::{cmp::Ordering, fmt, ops::Deref, sync::Arc};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use crate::{
    borrowed::{Fields, Sequence},
    duration,
    error::ErrorKind,
    number,
    types::Type,
    version::Version,
};

/// A value. Strings, lists and maps are borrowed from the variables or from the program where possible.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Value<'v> {
    /// `null`
    Null,
    /// `bool`
    Bool(bool),
    /// `int`
    Int(i64),
    /// `uint`
    UInt(u64),
    /// `double`
    Double(f64),
    /// `string`
    String(Str<'v>),
    /// `timestamp`
    Timestamp(DateTime<Utc>),
    /// `duration`
    Duration(TimeDelta),
    /// A version, the result of `semver(..)`
    Version(Version<'v>),
    /// `list`
    List(List<'v>),
    /// `map`
    Map(Map<'v>),
    /// `type`
    Type(Type),
}

/// A string, borrowed or shared.
#[derive(Clone, Debug)]
pub struct Str<'v>(StrRepr<'v>);

#[derive(Clone, Debug)]
enum StrRepr<'v> {
    Borrowed(&'v str),
    Shared(Arc<str>),
}

/// A list, borrowed or shared.
#[derive(Clone, Debug)]
pub struct List<'v>(ListRepr<'v>);

#[derive(Clone, Debug)]
enum ListRepr<'v> {
    /// Of a variable.
    Sequence(&'v (dyn Sequence + 'v)),
    /// Of the program.
    Items(&'v [Value<'v>]),
    Shared(Arc<[Value<'v>]>),
}

/// A key and its value.
pub(crate) type Entry<'v> = (Value<'v>, Value<'v>);

/// A map, borrowed or shared.
#[derive(Clone, Debug)]
pub struct Map<'v>(MapRepr<'v>);

#[derive(Clone, Debug)]
enum MapRepr<'v> {
    /// Of a variable.
    Fields(&'v (dyn Fields + 'v)),
    /// Of the program.
    Entries(&'v [Entry<'v>]),
    Shared(Arc<[Entry<'v>]>),
}

impl Deref for Str<'_> {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        match &self.0 {
            StrRepr::Borrowed(text) => text,
            StrRepr::Shared(text) => text,
        }
    }
}

impl<'v> From<&'v str> for Str<'v> {
    #[inline]
    fn from(text: &'v str) -> Self {
        Self(StrRepr::Borrowed(text))
    }
}

impl From<String> for Str<'_> {
    fn from(text: String) -> Self {
        Self(StrRepr::Shared(text.into()))
    }
}

impl Str<'_> {
    /// The same string, which borrows nothing.
    #[must_use]
    pub fn into_owned(self) -> Str<'static> {
        match self.0 {
            StrRepr::Borrowed(text) => Str(StrRepr::Shared(text.into())),
            StrRepr::Shared(text) => Str(StrRepr::Shared(text)),
        }
    }
}

impl<'v> Value<'v> {
    /// A string that is borrowed.
    #[must_use]
    #[inline]
    pub fn borrowed_str(text: &'v str) -> Self {
        Self::String(text.into())
    }

    /// A list that is borrowed from a variable.
    #[must_use]
    #[inline]
    pub fn borrowed_list(list: &'v (dyn Sequence + 'v)) -> Self {
        Self::List(List(ListRepr::Sequence(list)))
    }

    /// A map that is borrowed from a variable.
    #[must_use]
    #[inline]
    pub fn borrowed_map(map: &'v (dyn Fields + 'v)) -> Self {
        Self::Map(Map(MapRepr::Fields(map)))
    }

    /// A list of these values.
    #[must_use]
    pub fn list(items: Vec<Self>) -> Self {
        Self::List(List(ListRepr::Shared(items.into())))
    }

    /// A map of these entries. Keys are distinct strings, booleans or integers.
    #[must_use]
    pub fn map(entries: Vec<(Self, Self)>) -> Self {
        Self::Map(Map(MapRepr::Shared(entries.into())))
    }

    /// The same value without touching reference counts.
    #[inline]
    pub(crate) fn borrow(&'v self) -> Self {
        match self {
            Self::String(text) => Self::borrowed_str(text),
            Self::Version(version) => Self::Version(version.borrow()),
            Self::List(List(ListRepr::Shared(items))) => Self::List(List(ListRepr::Items(items))),
            Self::Map(Map(MapRepr::Shared(entries))) => Self::Map(Map(MapRepr::Entries(entries))),
            other => other.clone(),
        }
    }

    /// The same value, which borrows nothing.
    #[must_use]
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Int(number) => Value::Int(number),
            Self::UInt(number) => Value::UInt(number),
            Self::Double(number) => Value::Double(number),
            Self::String(text) => Value::String(text.into_owned()),
            Self::Timestamp(instant) => Value::Timestamp(instant),
            Self::Duration(duration) => Value::Duration(duration),
            Self::Version(version) => Value::Version(version.into_owned()),
            Self::List(list) => Value::list(list.iter().map(Value::into_owned).collect()),
            Self::Map(map) => {
                let entries = (0..map.len()).filter_map(|index| map.entry(index));
                Value::map(entries.map(|(key, value)| (key.into_owned(), value.into_owned())).collect())
            }
            Self::Type(kind) => Value::Type(kind),
        }
    }

    /// The type of this value.
    #[must_use]
    pub const fn kind(&self) -> Type {
        match self {
            Self::Null => Type::Null,
            Self::Bool(_) => Type::Bool,
            Self::Int(_) => Type::Int,
            Self::UInt(_) => Type::UInt,
            Self::Double(_) => Type::Double,
            Self::String(_) => Type::String,
            Self::Timestamp(_) => Type::Timestamp,
            Self::Duration(_) => Type::Duration,
            Self::Version(_) => Type::Version,
            Self::List(_) => Type::List,
            Self::Map(_) => Type::Map,
            Self::Type(_) => Type::Type,
        }
    }

    /// Compares two values: `None` if one is NaN, an error if the types have no common order.
    #[inline]
    pub(crate) fn order(&self, other: &Value<'_>) -> Result<Option<Ordering>, ErrorKind> {
        Ok(Some(match (self, other) {
            (Self::Int(one), Value::Int(other)) => one.cmp(other),
            (Self::String(one), Value::String(other)) => (**one).cmp(&**other),
            (Self::Bool(one), Value::Bool(other)) => one.cmp(other),
            (Self::Timestamp(one), Value::Timestamp(other)) => one.cmp(other),
            (Self::Duration(one), Value::Duration(other)) => one.cmp(other),
            (Self::Version(one), Value::Version(other)) => one.compare(other),
            _ => return number::compare(self, other).ok_or(ErrorKind::Type),
        }))
    }
}

impl<'v> List<'v> {
    #[inline]
    pub(crate) fn len(&self) -> usize {
        match &self.0 {
            ListRepr::Sequence(list) => list.size(),
            ListRepr::Items(items) => items.len(),
            ListRepr::Shared(items) => items.len(),
        }
    }

    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<Value<'v>> {
        match &self.0 {
            ListRepr::Sequence(list) => list.get(index),
            ListRepr::Items(items) => items.get(index).map(Value::borrow),
            ListRepr::Shared(items) => items.get(index).cloned(),
        }
    }

    /// The items, in order.
    pub fn iter(&self) -> impl Iterator<Item = Value<'v>> {
        (0..self.len()).filter_map(|index| self.get(index))
    }
}

impl<'v> Map<'v> {
    #[inline]
    pub(crate) fn len(&self) -> usize {
        match &self.0 {
            MapRepr::Fields(fields) => fields.size(),
            MapRepr::Entries(entries) => entries.len(),
            MapRepr::Shared(entries) => entries.len(),
        }
    }

    #[inline]
    pub(crate) fn entry(&self, index: usize) -> Option<Entry<'v>> {
        match &self.0 {
            MapRepr::Fields(fields) => {
                fields.entry(index).map(|(name, value)| (Value::borrowed_str(name), value))
            }
            MapRepr::Entries(entries) => {
                entries.get(index).map(|(key, value)| (key.borrow(), value.borrow()))
            }
            MapRepr::Shared(entries) => entries.get(index).cloned(),
        }
    }

    /// The value of a key that is a string.
    #[must_use]
    #[inline]
    pub fn get(&self, name: &str) -> Option<Value<'v>> {
        let is_name = |key: &Value<'_>| matches!(key, Value::String(text) if **text == *name);
        match &self.0 {
            MapRepr::Fields(fields) => fields.get(name),
            MapRepr::Entries(entries) => {
                entries.iter().find(|(key, _)| is_name(key)).map(|(_, value)| value.borrow())
            }
            MapRepr::Shared(entries) => {
                entries.iter().find(|(key, _)| is_name(key)).map(|(_, value)| value.clone())
            }
        }
    }
}

/// For messages: strings are quoted, lists and maps are summarized.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => value.fmt(f),
            Self::Int(number) => number.fmt(f),
            Self::UInt(number) => number.fmt(f),
            Self::Double(number) => number.fmt(f),
            Self::String(text) => write!(f, "{:?}", &**text),
            Self::Timestamp(instant) => f.write_str(&instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            Self::Duration(duration) => f.write_str(&duration::format(*duration)),
            Self::Version(_) => f.write_str("a version"),
            Self::List(list) => write!(f, "a list of {}", list.len()),
            Self::Map(map) => write!(f, "a map of {}", map.len()),
            Self::Type(kind) => f.write_str(kind.with_article()),
        }
    }
}
