//! The attribute that identifies a caller.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::{
    activation::{CompileContext, evaluation::Evaluation},
    context::value::Value,
};

/// One attribute, or several of which the first with a value is used. A name with dots is a path through
/// objects, unless an attribute has the whole name.
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

    /// The value of the caller.
    #[inline]
    pub(in crate::builtin) fn find<'c>(&'c self, evaluation: &'c Evaluation<'_>) -> Option<&'c Value<'c>> {
        match self {
            Self::One(name) => find(name, evaluation),
            Self::FirstOf(names) => names.iter().find_map(|name| find(name, evaluation)),
        }
    }
}

#[inline]
pub(in crate::builtin) fn find<'c>(name: &'c str, evaluation: &'c Evaluation<'_>) -> Option<&'c Value<'c>> {
    match evaluation.get(name) {
        None => find_nested(name, evaluation),
        found => found,
    }
}

/// The value at the end of a path through objects.
fn find_nested<'c>(name: &'c str, evaluation: &'c Evaluation<'_>) -> Option<&'c Value<'c>> {
    let (first, path) = name.split_once('.')?;
    path.split('.')
        .try_fold(evaluation.get(first)?, |value, field| value.field(field))
        .filter(|value| !value.is_null())
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
            ]
        })
    }
}
