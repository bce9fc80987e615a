//! What is known of the caller.

use std::{borrow::Cow, collections::BTreeMap};

use arrayvec::ArrayVec;
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeMap};
use serde_json::value::RawValue;

use crate::{text::same, value::Value};

/// The attribute that identifies the caller, by OpenFeature's name for it.
pub const TARGETING_KEY: &str = "targetingKey";

/// Attributes by name: what a flag is evaluated against.
///
/// ```
/// let ctx = novi::Context::new().with("targetingKey", "user-7").with("seed", 90).with("plan", "pro");
/// assert_eq!(ctx.get("plan").and_then(|plan| plan.as_str()), Some("pro"));
/// ```
///
/// A struct becomes a context by [`#[derive(ToContext)]`](derive@crate::ToContext), JSON by `From` and `TryFrom`, and whatever
/// serde serializes by [`Context::from_serialize`].
///
/// Text is borrowed where the caller has it, and up to eight attributes lie in the context itself, so that one made for
/// a single question needs no heap. Contexts hold a handful of attributes, and a lookup walks them: that is faster than
/// hashing the name.
#[derive(Clone, Debug, Default)]
pub struct Context<'a> {
    first: ArrayVec<Attribute<'a>, INLINE>,
    /// What has no room in `first`.
    rest: Vec<Attribute<'a>>,
}

type Attribute<'a> = (Cow<'a, str>, Value<'a>);

/// As many as most callers have, without making a context too large to hand around.
const INLINE: usize = 8;

/// The same attributes in the same order.
impl PartialEq for Context<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.first == other.first && self.rest == other.rest
    }
}

impl<'a> Context<'a> {
    /// A context that knows nothing.
    #[must_use]
    #[inline]
    pub const fn new() -> Self {
        Self { first: ArrayVec::new_const(), rest: Vec::new() }
    }

    /// This context and one attribute more; an attribute of the same name is replaced.
    #[must_use]
    #[inline]
    pub fn with(mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Value<'a>>) -> Self {
        self.insert(name, value);
        self
    }

    /// Sets an attribute, replacing one of the same name.
    #[inline]
    pub fn insert(&mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Value<'a>>) {
        let (name, value) = (name.into(), value.into());
        match self
            .first
            .iter_mut()
            .chain(&mut self.rest)
            .find(|(key, _)| same(key.as_bytes(), name.as_bytes()))
        {
            Some((_, old)) => *old = value,
            None => self.push((name, value)),
        }
    }

    /// Adds an attribute whose name none has.
    #[inline]
    fn push(&mut self, attribute: Attribute<'a>) {
        if let Err(full) = self.first.try_push(attribute) {
            self.rest.push(full.element());
        }
    }

    /// Sets attributes whose names differ from each other. Into an empty context they go without a look for twins, which
    /// walks all that are there: a large map would take time by the square of its length.
    pub(crate) fn extend_distinct(&mut self, attributes: impl IntoIterator<Item = Attribute<'a>>) {
        if self.is_empty() {
            attributes.into_iter().for_each(|attribute| self.push(attribute));
        } else {
            attributes.into_iter().for_each(|(name, value)| self.insert(name, value));
        }
    }

    /// The attributes as the fields of an object.
    pub(crate) fn into_fields(self) -> Vec<(Cow<'a, str>, Value<'a>)> {
        self.first.into_iter().chain(self.rest).collect()
    }

    /// The attribute of this name. One that is null counts as not there (R4).
    #[must_use]
    #[inline]
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        let mut attributes = self.first.iter();
        let found = attributes.find(|(key, _)| same(key.as_bytes(), name.as_bytes())).or_else(|| {
            // Mostly there are none, which one look tells.
            self.rest.iter().find(|(key, _)| same(key.as_bytes(), name.as_bytes()))
        });
        found.map(|(_, value)| value).filter(|value| !value.is_null())
    }

    /// The sticky identity of the caller: the attribute `targetingKey`, if it is text.
    #[must_use]
    pub fn targeting_key(&self) -> Option<&str> {
        self.get(TARGETING_KEY).and_then(Value::as_str)
    }

    /// The attributes, in the order in which they were given.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value<'a>)> {
        self.first.iter().chain(&self.rest).map(|(name, value)| (name.as_ref(), value))
    }

    /// How many attributes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.first.len() + self.rest.len()
    }

    /// Whether nothing is known.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// The same context, which owns all its text.
    #[must_use]
    pub fn into_owned(self) -> Context<'static> {
        let own =
            |(name, value): (Cow<'a, str>, Value<'a>)| (Cow::Owned(name.into_owned()), value.into_owned());
        Context {
            first: self.first.into_iter().map(own).collect(),
            rest: self.rest.into_iter().map(own).collect(),
        }
    }
}

impl Context<'static> {
    /// A context from the text of a JSON object. Whole numbers keep all their digits, which the seed of a draw
    /// needs (R9). Of two attributes with the same name the later one counts, as in most JSON readers.
    ///
    /// # Errors
    /// The text is no JSON, or no object; the message says where.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        let raw: BTreeMap<String, &RawValue> = serde_json::from_str(text)?;
        let mut context = Self::new();
        for (name, raw) in raw {
            let value = big_integer(raw.get()).map_or_else(|| serde_json::from_str(raw.get()), Ok)?;
            context.push((Cow::Owned(name), value));
        }
        Ok(context)
    }
}

/// The value of a number's text that no 64 bits hold; serde_json would round it.
fn big_integer(text: &str) -> Option<Value<'static>> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    // 2^63 has 19 digits: whatever is shorter fits.
    let big = whole && digits.len() >= 19 && text.parse::<i64>().is_err() && text.parse::<u64>().is_err();
    big.then(|| Value::BigInt(Cow::Owned(text.to_owned())))
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
        // The map has removed twins already; inserting one by one would look for them again, each time from the start.
        let attributes = BTreeMap::<String, Value<'static>>::deserialize(deserializer)?;
        let mut context = Self::new();
        for (name, value) in attributes {
            context.push((Cow::Owned(name), value));
        }
        Ok(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_keep_their_digits() {
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
    fn the_last_of_two_attributes_counts() {
        let ctx = Context::from_json(r#"{"a": 1, "a": 2}"#).unwrap();
        assert_eq!((ctx.get("a"), ctx.len()), (Some(&Value::Int(2)), 1));
        assert_eq!(Context::new().with("a", 1).with("a", "x").get("a").and_then(Value::as_str), Some("x"));
    }

    #[test]
    fn any_number_of_attributes_has_room() {
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
    fn null_is_as_good_as_missing() {
        assert_eq!(Context::new().with("a", ()).get("a"), None);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in ["[]", "null", "\"x\"", "{", "", "{\"a\":}"] {
            Context::from_json(text).unwrap_err();
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        Context::from_json(&deep).unwrap_err();
    }
}
