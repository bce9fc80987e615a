//! What is known of the caller.

use std::{borrow::Cow, collections::BTreeMap};

use arrayvec::ArrayVec;
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeMap};
use serde_json::value::RawValue;

use crate::value::Value;

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
    attributes: Attributes<'a>,
}

type Attribute<'a> = (Cow<'a, str>, Value<'a>);

/// As many as most callers have, without making a context too large to hand around.
const INLINE: usize = 8;

#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "the room is what spares most contexts the heap")]
enum Attributes<'a> {
    Inline(ArrayVec<Attribute<'a>, INLINE>),
    Heap(Vec<Attribute<'a>>),
}

impl Default for Attributes<'_> {
    fn default() -> Self {
        Self::Inline(ArrayVec::new_const())
    }
}

impl<'a> Attributes<'a> {
    fn as_slice(&self) -> &[Attribute<'a>] {
        match self {
            Self::Inline(attributes) => attributes,
            Self::Heap(attributes) => attributes,
        }
    }

    fn as_mut_slice(&mut self) -> &mut [Attribute<'a>] {
        match self {
            Self::Inline(attributes) => attributes,
            Self::Heap(attributes) => attributes,
        }
    }

    fn push(&mut self, attribute: Attribute<'a>) {
        match self {
            Self::Heap(attributes) => attributes.push(attribute),
            Self::Inline(attributes) => {
                if let Err(full) = attributes.try_push(attribute) {
                    let mut heap = Vec::with_capacity(2 * INLINE);
                    heap.extend(attributes.take());
                    heap.push(full.element());
                    *self = Self::Heap(heap);
                }
            }
        }
    }
}

/// From attributes whose names differ.
impl<'a> FromIterator<Attribute<'a>> for Attributes<'a> {
    fn from_iter<I: IntoIterator<Item = Attribute<'a>>>(attributes: I) -> Self {
        let mut all = Self::default();
        for attribute in attributes {
            all.push(attribute);
        }
        all
    }
}

/// The same attributes in the same order.
impl PartialEq for Context<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.attributes.as_slice() == other.attributes.as_slice()
    }
}

impl<'a> Context<'a> {
    /// A context that knows nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { attributes: Attributes::Inline(ArrayVec::new_const()) }
    }

    /// This context and one attribute more; an attribute of the same name is replaced.
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Value<'a>>) -> Self {
        self.insert(name, value);
        self
    }

    /// Sets an attribute, replacing one of the same name.
    pub fn insert(&mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Value<'a>>) {
        let (name, value) = (name.into(), value.into());
        match self.attributes.as_mut_slice().iter_mut().find(|(key, _)| *key == name) {
            Some((_, old)) => *old = value,
            None => self.attributes.push((name, value)),
        }
    }

    /// Sets attributes whose names differ from each other. Into an empty context they go without a look for twins, which
    /// walks all that are there: a large map would take time by the square of its length.
    pub(crate) fn extend_distinct(&mut self, attributes: impl IntoIterator<Item = Attribute<'a>>) {
        if self.is_empty() {
            attributes.into_iter().for_each(|attribute| self.attributes.push(attribute));
        } else {
            attributes.into_iter().for_each(|(name, value)| self.insert(name, value));
        }
    }

    /// The attributes as the fields of an object.
    pub(crate) fn into_fields(self) -> Vec<(Cow<'a, str>, Value<'a>)> {
        match self.attributes {
            Attributes::Inline(attributes) => attributes.into_iter().collect(),
            Attributes::Heap(attributes) => attributes,
        }
    }

    /// The attribute of this name. One that is null counts as not there (R4).
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        let found = self.attributes.as_slice().iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value).filter(|value| !value.is_null())
    }

    /// The sticky identity of the caller: the attribute `targetingKey`, if it is text.
    #[must_use]
    pub fn targeting_key(&self) -> Option<&str> {
        self.get(TARGETING_KEY).and_then(Value::as_str)
    }

    /// The attributes, in the order in which they were given.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value<'a>)> {
        self.attributes.as_slice().iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// How many attributes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.attributes.as_slice().len()
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.attributes.as_slice().is_empty()
    }

    /// The same context, which owns all its text.
    #[must_use]
    pub fn into_owned(self) -> Context<'static> {
        let own =
            |(name, value): (Cow<'a, str>, Value<'a>)| (Cow::Owned(name.into_owned()), value.into_owned());
        let attributes = match self.attributes {
            Attributes::Inline(attributes) => attributes.into_iter().map(own).collect(),
            Attributes::Heap(attributes) => Attributes::Heap(attributes.into_iter().map(own).collect()),
        };
        Context { attributes }
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
        let attributes = raw
            .into_iter()
            .map(|(name, raw)| {
                let value = big_integer(raw.get()).map_or_else(|| serde_json::from_str(raw.get()), Ok)?;
                Ok((Cow::Owned(name), value))
            })
            .collect::<Result<_, serde_json::Error>>()?;
        Ok(Self { attributes })
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
        Ok(Self {
            attributes: attributes.into_iter().map(|(name, value)| (Cow::Owned(name), value)).collect(),
        })
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
