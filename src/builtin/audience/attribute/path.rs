//! The path to an attribute.

use std::fmt;

use crate::{
    activation::evaluation::Evaluation, builtin::audience::attribute_names::step, context::value::Value,
};

/// The depth nesting of lists and objects that is followed. JSON of `serde_json` ends at 128.
const MAX_DEPTH: usize = 128;

/// The name of an attribute, or a path to it through objects: `user.address.country`.
#[derive(Default)]
pub(super) struct Path {
    name: Box<str>,
}

impl Path {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.into() }
    }

    #[inline]
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Finds the attribute with the whole name, or else the attribute with the first part of a name with
    /// dots.
    pub(super) fn follow<'c>(
        &'c self,
        attribute: Option<&'c Value<'c>>,
        evaluation: &'c Evaluation<'_>,
    ) -> Option<Found<'c>> {
        if let Some(value) = attribute {
            return Some(Found { value, path: None });
        }
        let (first, path) = self.name.split_once('.')?;
        Some(Found { value: evaluation.get(first)?, path: Some(path) })
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// An attribute and the rest of the path. A path continues into each value of a list.
#[derive(Clone, Copy)]
pub(super) struct Found<'c> {
    value: &'c Value<'c>,
    path: Option<&'c str>,
}

impl Found<'_> {
    /// Returns `true` if there is a value other than null at the end of the path. An empty list is a value.
    pub(super) fn exists(self) -> bool {
        exists(self.value, self.path, MAX_DEPTH)
    }

    /// Returns `true` if a value at the end of the path passes a test. Each value of a list is tested, except
    /// null.
    pub(super) fn any(self, test: impl Fn(&Value<'_>) -> bool) -> bool {
        any(self.value, self.path, &test, MAX_DEPTH)
    }
}

fn exists(value: &Value<'_>, path: Option<&str>, depth: usize) -> bool {
    let Some(path) = path else { return !value.is_null() };
    let Some(depth) = depth.checked_sub(1) else { return false };
    match value {
        Value::List(values) => values.iter().any(|value| exists(value, Some(path), depth)),
        value => step(value, path).is_some_and(|(value, rest)| exists(value, rest, depth)),
    }
}

fn any(value: &Value<'_>, path: Option<&str>, test: &impl Fn(&Value<'_>) -> bool, depth: usize) -> bool {
    match (value, depth.checked_sub(1)) {
        (Value::Null, _) => false,
        (Value::List(values), Some(depth)) => values.iter().any(|value| any(value, path, test, depth)),
        (value, depth) => match (path, depth) {
            // A list that is nested too deeply is tested as a whole, which no test accepts.
            (None, _) | (_, None) => test(value),
            (Some(path), Some(depth)) => {
                step(value, path).is_some_and(|(value, rest)| any(value, rest, test, depth))
            }
        },
    }
}
