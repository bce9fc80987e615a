//! The context: attributes of the caller that flags are evaluated against.

pub(crate) mod current;
pub(crate) mod from_serialize;
pub(crate) mod override_scope;
pub(crate) mod overrides;
pub(crate) mod scoped;
pub(crate) mod short_str;
pub(crate) mod timestamp;
pub(crate) mod to_context;
pub(crate) mod value;

use std::{borrow::Cow, collections::BTreeMap, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, Visitor},
    ser::SerializeMap,
};
use serde_json::value::RawValue;

pub use current::{current, scope, sync_scope};
pub use from_serialize::ContextError;
use short_str::same;
pub use to_context::{ToContext, ToValue};
pub use value::Value;

/// The attribute that identifies the caller, as named by OpenFeature.
pub const TARGETING_KEY: &str = "targetingKey";

/// The attributes of a caller, by name. Flags are evaluated against a context.
///
/// ```
/// let ctx = novi::Context::new().with("targetingKey", "user-7").with("seed", 90).with("plan", "pro");
/// assert_eq!(ctx.get("plan").and_then(|plan| plan.as_str()), Some("pro"));
/// ```
///
/// A struct is converted with [`#[derive(ToContext)]`](derive@crate::ToContext), JSON with `From` and
/// `TryFrom`, and any type that serde can serialize with [`Context::from_serialize`].
///
/// Strings can be borrowed, so a context for a single evaluation takes one allocation. Lookups scan the
/// attributes in order; for the few that a context usually has, this is faster than hashing.
#[derive(Clone, Debug, Default)]
pub struct Context<'a> {
    attributes: Attributes<'a>,
}

type Attribute<'a> = (Cow<'a, str>, Value<'a>);

/// The initial capacity: as many attributes as most callers have. Storing them inline would avoid the
/// allocation, but each `with` would copy them all, which takes longer.
const CAPACITY: usize = 8;

/// An owned or borrowed list. Not a `Cow`, which would make `Context` invariant in its lifetime.
#[derive(Clone, Debug)]
enum Attributes<'a> {
    Owned(Vec<Attribute<'a>>),
    Borrowed(&'a [Attribute<'a>]),
}

impl Default for Attributes<'_> {
    fn default() -> Self {
        Self::Owned(Vec::new())
    }
}

impl<'a> Attributes<'a> {
    #[inline]
    fn as_slice(&self) -> &[Attribute<'a>] {
        match self {
            Self::Owned(attributes) => attributes,
            Self::Borrowed(attributes) => attributes,
        }
    }

    /// Changes the list, which is owned from then on.
    #[inline]
    fn change(&mut self, change: impl FnOnce(&mut Vec<Attribute<'a>>)) {
        match self {
            Self::Owned(attributes) => change(attributes),
            Self::Borrowed(attributes) => {
                let mut owned = attributes.to_vec();
                change(&mut owned);
                *self = Self::Owned(owned);
            }
        }
    }

    fn into_vec(self) -> Vec<Attribute<'a>> {
        match self {
            Self::Owned(attributes) => attributes,
            Self::Borrowed(attributes) => attributes.to_vec(),
        }
    }
}

/// Adds an attribute whose name is new.
#[inline]
fn push<'a>(attributes: &mut Vec<Attribute<'a>>, attribute: Attribute<'a>) {
    if attributes.capacity() == 0 {
        attributes.reserve_exact(CAPACITY);
    }
    attributes.push(attribute);
}

/// Contexts are equal if they have the same attributes in the same order.
impl PartialEq for Context<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.attributes.as_slice() == other.attributes.as_slice()
    }
}

impl<'a> Context<'a> {
    /// Returns a context without attributes.
    #[must_use]
    #[inline]
    pub const fn new() -> Self {
        Self { attributes: Attributes::Owned(Vec::new()) }
    }

    /// Returns a context that borrows its attributes, for example from the caller's stack, and does not
    /// allocate. If a name occurs more than once, the first attribute counts.
    ///
    /// ```
    /// use novi::Context;
    ///
    /// let user = String::from("user-7");
    /// let attributes = [("targetingKey".into(), user.as_str().into()), ("age".into(), 42.into())];
    /// let ctx = Context::borrowed(&attributes);
    /// assert_eq!(ctx, Context::new().with("targetingKey", "user-7").with("age", 42));
    /// ```
    #[must_use]
    #[inline]
    pub const fn borrowed(attributes: &'a [(Cow<'a, str>, Value<'a>)]) -> Self {
        Self { attributes: Attributes::Borrowed(attributes) }
    }

    /// Adds an attribute, replacing one with the same name.
    #[must_use]
    #[inline]
    pub fn with(mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Value<'a>>) -> Self {
        self.insert(name, value);
        self
    }

    /// Sets an attribute, replacing one with the same name.
    #[inline]
    pub fn insert(&mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Value<'a>>) {
        self.set((name.into(), value.into()));
    }

    fn set(&mut self, attribute: Attribute<'a>) {
        self.attributes.change(|attributes| {
            let name = attribute.0.as_bytes();
            for known in &mut *attributes {
                if same(known.0.as_bytes(), name) {
                    *known = attribute;
                    return;
                }
            }
            push(attributes, attribute);
        });
    }

    /// Sets attributes with distinct names. An empty context is not searched for duplicates, which would take
    /// quadratic time for a large map.
    pub(crate) fn extend_distinct(&mut self, attributes: impl IntoIterator<Item = Attribute<'a>>) {
        if self.is_empty() {
            self.attributes.change(|own| attributes.into_iter().for_each(|attribute| push(own, attribute)));
        } else {
            attributes.into_iter().for_each(|(name, value)| self.insert(name, value));
        }
    }

    /// The attributes as the fields of an object.
    pub(crate) fn into_fields(self) -> Vec<(Cow<'a, str>, Value<'a>)> {
        self.attributes.into_vec()
    }

    /// Returns the attribute with this name. `None` if it is missing or null.
    #[must_use]
    #[inline(always)]
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        // A plain loop is inlined into callers; `Iterator::find` is not, and takes twice as long.
        for (known, value) in self.attributes.as_slice() {
            if same(known.as_bytes(), name.as_bytes()) {
                return if value.is_null() { None } else { Some(value) };
            }
        }
        None
    }

    /// Returns the caller's identity: the attribute `targetingKey`. `None` if it is missing, empty, or
    /// not a string.
    #[must_use]
    pub fn targeting_key(&self) -> Option<&str> {
        self.get(TARGETING_KEY).and_then(Value::as_str).filter(|key| !key.is_empty())
    }

    /// Iterates over the attributes in insertion order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value<'a>)> {
        self.attributes.as_slice().iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// Returns the number of attributes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.attributes.as_slice().len()
    }

    /// How many values there are, at any depth: attributes, and what is in their lists and objects.
    #[must_use]
    pub fn count_values(&self) -> usize {
        self.iter().map(|(_, value)| value.count()).sum()
    }

    /// Whether there are no attributes.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.attributes.as_slice().is_empty()
    }

    /// Returns the same context with all strings owned.
    #[must_use]
    pub fn into_owned(self) -> Context<'static> {
        let owned =
            |(name, value): (Cow<'a, str>, Value<'a>)| (Cow::Owned(name.into_owned()), value.into_owned());
        let owned = self.into_fields().into_iter().map(owned).collect();
        Context { attributes: Attributes::Owned(owned) }
    }
}

impl<'a> Context<'a> {
    /// Parses a JSON object like [`from_json`](Context::from_json), and borrows all strings without escapes.
    ///
    /// # Errors
    /// See [`from_json`](Context::from_json).
    pub fn from_json_borrowed(text: &'a str) -> Result<Self, serde_json::Error> {
        let Members(attributes) = serde_json::from_str(text)?;
        Ok(Self { attributes: Attributes::Owned(attributes) })
    }
}

/// The members of a JSON object, as attributes.
struct Members<'a>(Vec<Attribute<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor<'a>(PhantomData<&'a ()>);

        impl<'de: 'a, 'a> Visitor<'de> for MembersVisitor<'a> {
            type Value = Members<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
                /// Up to this number, a linear scan finds duplicates. Above it, sorting does, because scans
                /// would take quadratic time.
                const FEW: usize = 32;
                let mut found: Vec<Attribute<'a>> = Vec::with_capacity(CAPACITY);
                while let Some(Name(name)) = members.next_key()? {
                    let value = value(members.next_value::<&'de RawValue>()?).map_err(de::Error::custom)?;
                    let duplicate = if found.len() < FEW {
                        found.iter_mut().find(|(known, _)| *known == name)
                    } else {
                        None
                    };
                    match duplicate {
                        Some((_, earlier)) => *earlier = value,
                        None => found.push((name, value)),
                    }
                }
                if found.len() > FEW {
                    // Reversed and sorted stably, the last of several duplicates comes first, which
                    // `dedup_by` keeps.
                    found.reverse();
                    found.sort_by(|one, other| one.0.cmp(&other.0));
                    found.dedup_by(|one, other| one.0 == other.0);
                }
                Ok(Members(found))
            }
        }

        deserializer.deserialize_map(MembersVisitor(PhantomData))
    }
}

/// The name of a member, borrowed if possible. (serde always deserializes `Cow` as owned.)
struct Name<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor<'a>(PhantomData<&'a ()>);

        impl<'de: 'a, 'a> Visitor<'de> for NameVisitor<'a> {
            type Value = Name<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }

        deserializer.deserialize_str(NameVisitor(PhantomData))
    }
}

/// Parses a value.
fn value(raw: &RawValue) -> Result<Value<'_>, serde_json::Error> {
    let text = raw.get();
    let inner = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match inner {
        Some(inner) if !inner.contains('\\') => Ok(Value::Str(Cow::Borrowed(inner))),
        _ => big_integer(text).map_or_else(|| serde_json::from_str(text), Ok),
    }
}

impl Context<'static> {
    /// Parses a JSON object. Integers keep all their digits, which matters for seeds. If a name occurs more
    /// than once, the last attribute counts.
    ///
    /// # Errors
    /// The text is not valid JSON, or not an object. The message contains line and column.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        Ok(Context::from_json_borrowed(text)?.into_owned())
    }
}

/// An integer that does not fit into 64 bits, which serde_json would round. `None` for any other text.
fn big_integer(text: &str) -> Option<Value<'_>> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_integer = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    // 2^63 has 19 digits; shorter integers fit.
    let is_big =
        is_integer && digits.len() >= 19 && text.parse::<i64>().is_err() && text.parse::<u64>().is_err();
    is_big.then_some(Value::BigInt(Cow::Borrowed(text)))
}

impl<'a, N: Into<Cow<'a, str>>, V: Into<Value<'a>>> FromIterator<(N, V)> for Context<'a> {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(attributes: I) -> Self {
        let mut context = Self::new();
        for (name, value) in attributes {
            context.insert(name, value);
        }
        context
    }
}

impl<'a, N: Into<Cow<'a, str>>, V: Into<Value<'a>>, const L: usize> From<[(N, V); L]> for Context<'a> {
    fn from(attributes: [(N, V); L]) -> Self {
        attributes.into_iter().collect()
    }
}

impl Serialize for Context<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Context<'static> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The map has removed duplicates already; `insert` would search for them again.
        let attributes = BTreeMap::<String, Value<'static>>::deserialize(deserializer)?;
        let attributes = attributes.into_iter().map(|(name, value)| (Cow::Owned(name), value));
        Ok(Self { attributes: Attributes::Owned(attributes.collect()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_keep_all_digits() {
        let ctx = Context::from_json(
            r#"{"a": 9223372036854775807, "b": 9223372036854775808, "c": 18446744073709551616,
                "d": -9223372036854775809, "e": 1e30}"#,
        )
        .unwrap();
        assert_eq!(ctx.get("a"), Some(&Value::Int(i64::MAX)));
        assert_eq!(ctx.get("b"), Some(&Value::UInt(1 << 63)));
        assert_eq!(ctx.get("c"), Some(&Value::BigInt("18446744073709551616".into())));
        assert_eq!(ctx.get("d"), Some(&Value::BigInt("-9223372036854775809".into())));
        assert_eq!(ctx.get("e"), Some(&Value::Float(1e30)));
    }

    #[test]
    fn last_of_two_duplicates_counts() {
        let ctx = Context::from_json(r#"{"a": 1, "a": 2}"#).unwrap();
        assert_eq!((ctx.get("a"), ctx.len()), (Some(&Value::Int(2)), 1));
        assert_eq!(Context::new().with("a", 1).with("a", "x").get("a").and_then(Value::as_str), Some("x"));
    }

    #[test]
    fn last_duplicate_counts_among_many_attributes() {
        let members: Vec<_> = (0..50).chain(10..40).map(|n| format!("\"name {n}\": {}", n * 2)).collect();
        let ctx = Context::from_json(&format!("{{{}, \"name 7\": \"last\"}}", members.join(","))).unwrap();
        assert_eq!(ctx.len(), 50);
        assert_eq!(ctx.get("name 7").and_then(Value::as_str), Some("last"));
        assert_eq!(ctx.get("name 11"), Some(&Value::Int(22)));
    }

    #[test]
    fn strings_without_escapes_are_borrowed() {
        let text = r#"{"plan": "pro", "na\u006de": "J\u00f6rg", "list": ["a"]}"#;
        let ctx = Context::from_json_borrowed(text).unwrap();
        let borrowed = |name: &str| matches!(ctx.get(name), Some(Value::Str(Cow::Borrowed(_))));
        assert!(borrowed("plan") && !borrowed("name"));
        assert_eq!(ctx.get("name").and_then(Value::as_str), Some("Jörg"));
        Context::from_json_borrowed(r#"{"a": "\ud800"}"#).unwrap_err();
    }

    #[test]
    fn many_attributes_can_be_inserted_and_replaced() {
        let names: Vec<String> = (0..40).map(|number| format!("name {number}")).collect();
        let mut ctx = Context::new();
        for (number, name) in names.iter().enumerate() {
            ctx.insert(name, number);
            assert_eq!(ctx.len(), number + 1);
        }
        ctx.insert("name 39", "replaced");
        for (number, name) in names.iter().enumerate().take(39) {
            assert_eq!(ctx.get(name), Some(&number.into()));
        }
        assert_eq!(ctx.get("name 39").and_then(Value::as_str), Some("replaced"));
        assert_eq!(ctx.clone().into_owned(), ctx);
    }

    #[test]
    fn null_counts_as_missing() {
        assert_eq!(Context::new().with("a", ()).get("a"), None);
    }

    #[test]
    fn non_objects_and_invalid_json_are_rejected() {
        for text in ["[]", "null", "\"x\"", "{", "", "{\"a\":}"] {
            Context::from_json(text).unwrap_err();
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        Context::from_json(&deep).unwrap_err();
    }
}
