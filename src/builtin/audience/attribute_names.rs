//! The attribute that identifies a caller.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::{
    activation::{CompileContext, evaluation::Evaluation, phrase::shown, value_text},
    context::{TARGETING_KEY, value::Value},
};

/// One attribute, or several of which the first with a value is used: an empty string is no value. A name
/// with dots is a path through objects, unless an attribute or a field has the whole name.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "expected the name of an attribute, or a list of names")]
pub(in crate::builtin) enum AttributeNames {
    One(Box<str>),
    FirstOf(Box<[Box<str>]>),
}

impl AttributeNames {
    /// Returns itself, or reports an empty name.
    pub(in crate::builtin) fn validate(self, path: &str, row: &mut CompileContext<'_>) -> Option<Self> {
        let names = self.names();
        if names.is_empty() || names.iter().any(|name| name.is_empty()) {
            row.problem(path, "expected the name of an attribute, or a list of names, found an empty one");
            return None;
        }
        Some(self)
    }

    pub(in crate::builtin) fn names(&self) -> &[Box<str>] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::FirstOf(names) => names,
        }
    }

    /// Whether the targeting key is one of them.
    pub(in crate::builtin) fn has_targeting_key(&self) -> bool {
        self.names().iter().any(|name| **name == *TARGETING_KEY)
    }

    /// The value of the caller.
    #[inline]
    pub(in crate::builtin) fn find<'c>(&'c self, evaluation: &'c Evaluation<'_>) -> Option<&'c Value<'c>> {
        match self {
            Self::One(name) => find(name, evaluation),
            Self::FirstOf(names) => {
                names.iter().find_map(|name| find(name, evaluation).filter(|value| !value.is_empty_string()))
            }
        }
    }
}

/// "by `targetingKey`", or "by `account`, else `user`".
pub(in crate::builtin) fn by_words(by: Option<&AttributeNames>) -> String {
    let names = by.map_or(&[][..], AttributeNames::names);
    if names.is_empty() {
        return "by `targetingKey`".to_owned();
    }
    format!("by {}", shown(&names.iter().map(|name| attribute(name)).collect::<Vec<_>>(), ", else "))
}

/// The name of an attribute in words.
fn attribute(name: &str) -> String {
    format!("`{}`", value_text(name))
}

#[inline]
pub(in crate::builtin) fn find<'c>(name: &'c str, evaluation: &'c Evaluation<'_>) -> Option<&'c Value<'c>> {
    match evaluation.get(name) {
        None => find_nested(name, evaluation),
        found => found,
    }
}

/// The value at the end of a path through objects. The rest of the path may be the whole name of a field.
fn find_nested<'c>(name: &'c str, evaluation: &'c Evaluation<'_>) -> Option<&'c Value<'c>> {
    let (first, mut path) = name.split_once('.')?;
    let mut value = evaluation.get(first)?;
    loop {
        let rest;
        (value, rest) = step(value, path)?;
        match rest {
            Some(rest) => path = rest,
            None => return Some(value).filter(|value| !value.is_null()),
        }
    }
}

/// The field of a value with the name of the whole path, or else with its first part and the rest of the
/// path.
pub(in crate::builtin) fn step<'v, 'p>(
    value: &'v Value<'v>,
    path: &'p str,
) -> Option<(&'v Value<'v>, Option<&'p str>)> {
    if let Some(found) = value.field(path) {
        return Some((found, None));
    }
    let (next, rest) = path.split_once('.')?;
    Some((value.field(next)?, Some(rest)))
}

impl JsonSchema for AttributeNames {
    fn schema_name() -> Cow<'static, str> {
        "AttributeNames".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                {"type": "string", "minLength": 1},
                {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1}
            ],
            "x-novi-input": "attribute"
        })
    }
}
