//! By which attribute callers are told apart.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::{
    activation::{Compile, evaluation::Check},
    context::value::Value,
};

/// The name of an attribute, or several of which the first that the caller has counts. A name with dots leads through
/// objects, if no attribute is called so as a whole.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "expected the name of an attribute, or a list of such names")]
pub(in crate::builtin) enum By {
    One(Box<str>),
    FirstOf(Box<[Box<str>]>),
}

impl By {
    /// The same; what is wrong with it is noted with the row.
    pub(in crate::builtin) fn checked(self, path: &str, row: &mut Compile<'_>) -> Option<Self> {
        let names = self.names();
        if names.is_empty() || names.iter().any(|name| name.is_empty()) {
            row.problem(
                path,
                "expected the name of an attribute, or a list of such names, found an empty one",
            );
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

    /// The value that the caller has.
    #[inline]
    pub(in crate::builtin) fn find<'c>(&'c self, check: &'c Check<'_>) -> Option<&'c Value<'c>> {
        match self {
            Self::One(name) => find(name, check),
            Self::FirstOf(names) => names.iter().find_map(|name| find(name, check)),
        }
    }
}

#[inline]
pub(in crate::builtin) fn find<'c>(name: &'c str, check: &'c Check<'_>) -> Option<&'c Value<'c>> {
    match check.get(name) {
        None => find_within(name, check),
        found => found,
    }
}

/// The value at the end of a way through objects.
fn find_within<'c>(name: &'c str, check: &'c Check<'_>) -> Option<&'c Value<'c>> {
    let (first, way) = name.split_once('.')?;
    way.split('.')
        .try_fold(check.get(first)?, |value, field| value.field(field))
        .filter(|value| !value.is_null())
}

impl JsonSchema for By {
    fn schema_name() -> Cow<'static, str> {
        "By".into()
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
