//! JSON values that keep the order of their fields, in which a split's variants share the buckets.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
    ser::{SerializeMap as _, SerializeSeq as _},
};
use serde_json::Number;

/// The name of the field that stands for a date in TOML.
const TOML_DATE: &str = "$__toml_private_datetime";

/// A JSON value whose fields are in the order of the text, each only once.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string.
    String(String),
    /// A list.
    List(Vec<Tree>),
    /// Fields, in their order.
    Fields(Vec<(String, Tree)>),
}

impl Tree {
    /// The value of a JSON text. `None` if it is not JSON, if a field occurs twice, or if a number has more digits
    /// than files of all formats can have.
    #[must_use]
    pub fn from_json(text: &str) -> Option<Self> {
        let tree: Self = serde_json::from_str(text).ok()?;
        tree.is_exact().then_some(tree)
    }

    /// The value as compact JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings as keys, and finite numbers: there is nothing that JSON cannot have.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Integers that JSON texts can have and floats cannot.
    fn is_exact(&self) -> bool {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        match self {
            Self::Number(number) if number.is_f64() => {
                number.as_f64().is_some_and(|number| number.abs() < EXACT)
            }
            Self::List(items) => items.iter().all(Self::is_exact),
            Self::Fields(fields) => fields.iter().all(|(_, value)| value.is_exact()),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => true,
        }
    }

    /// The value of a field. `None` if there is no such field, or if this is not an object.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&Self> {
        self.as_fields()?.iter().find(|(name, _)| name == field).map(|(_, value)| value)
    }

    /// The fields of an object.
    #[must_use]
    pub fn as_fields(&self) -> Option<&[(String, Self)]> {
        if let Self::Fields(fields) = self { Some(fields) } else { None }
    }

    /// The items of a list.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Self]> {
        if let Self::List(items) = self { Some(items) } else { None }
    }

    /// A string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// A boolean.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    /// A number, rounded to a float.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        if let Self::Number(number) = self { number.as_f64() } else { None }
    }

    /// Whether two values are the same but for what TOML cannot keep: it has a table's other fields before its tables.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.clone().canonical() == other.clone().canonical()
    }

    /// The same for all values that are [the same](Self::is_same).
    pub(crate) fn canonical(self) -> Self {
        match self {
            Self::List(items) => Self::List(items.into_iter().map(Self::canonical).collect()),
            Self::Fields(fields) => {
                let mut fields: Vec<_> =
                    fields.into_iter().map(|(name, value)| (name, value.canonical())).collect();
                fields.sort_by_key(|(_, value)| value.is_table());
                Self::Fields(fields)
            }
            other => other,
        }
    }

    fn is_table(&self) -> bool {
        match self {
            Self::Fields(_) => true,
            Self::List(items) => {
                !items.is_empty() && items.iter().all(|item| matches!(item, Self::Fields(_)))
            }
            _ => false,
        }
    }

    /// Whether a part is `null`, which TOML cannot have.
    pub(crate) fn has_null(&self) -> bool {
        match self {
            Self::Null => true,
            Self::List(items) => items.iter().any(Self::has_null),
            Self::Fields(fields) => fields.iter().any(|(_, value)| value.has_null()),
            Self::Bool(_) | Self::Number(_) | Self::String(_) => false,
        }
    }
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
                (Some(number), ..) => serializer.serialize_i64(number),
                (_, Some(number), _) => serializer.serialize_u64(number),
                (.., number) => serializer.serialize_f64(number.unwrap_or_default()),
            },
            Self::String(text) => serializer.serialize_str(text),
            Self::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(item))?;
                list.end()
            }
            Self::Fields(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                fields.iter().try_for_each(|(name, value)| map.serialize_entry(name, value))?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        Tree::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Tree, E> {
        Ok(Tree::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Tree, E> {
        Ok(Tree::Number(number.into()))
    }

    fn visit_i128<E: Error>(self, number: i128) -> Result<Tree, E> {
        Err(E::custom(format!("expected an integer of at most 64 bits, found {number}")))
    }

    fn visit_u128<E: Error>(self, number: u128) -> Result<Tree, E> {
        Err(E::custom(format!("expected an integer of at most 64 bits, found {number}")))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Tree, E> {
        let finite = Number::from_f64(number).map(Tree::Number);
        finite.ok_or_else(|| E::custom(format!("expected a finite number, found {number}")))
    }

    fn visit_str<E>(self, text: &str) -> Result<Tree, E> {
        Ok(Tree::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Tree, E> {
        Ok(Tree::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Tree::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut names = std::collections::BTreeSet::new();
        let mut fields = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, Tree>()? {
            if name == TOML_DATE {
                return Ok(value);
            }
            if !names.insert(name.clone()) {
                return Err(A::Error::custom(format!("the field {name:?} occurs twice")));
            }
            fields.push((name, value));
        }
        Ok(Tree::Fields(fields))
    }
}

impl JsonSchema for Tree {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Value".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!(true)
    }
}
