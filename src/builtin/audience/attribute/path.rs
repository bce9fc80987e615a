//! Where in the context an attribute is.

use std::fmt;

use crate::{activation::evaluation::Check, context::value::Value};

/// Lists and objects further inside one another than this are not looked into; JSON texts end at 128 anyway.
const DEEPEST: usize = 128;

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

    /// Where the way leads: to the attribute that has the whole name, if there is one; else, if the name has dots, on from
    /// the one of the first part.
    pub(super) fn follow<'c>(
        &'c self,
        attribute: Option<&'c Value<'c>>,
        check: &'c Check<'_>,
    ) -> Option<Found<'c>> {
        if let Some(value) = attribute {
            return Some(Found { value, way: None });
        }
        let (first, way) = self.name.split_once('.')?;
        Some(Found { value: check.get(first)?, way: Some(way) })
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// An attribute, and the fields to follow from it. Where a list is met on the way, each of its values is followed.
#[derive(Clone, Copy)]
pub(super) struct Found<'c> {
    value: &'c Value<'c>,
    way: Option<&'c str>,
}

impl Found<'_> {
    /// Whether there is anything but null where the way ends. A list is something even if it is empty.
    pub(super) fn exists(self) -> bool {
        exists(self.value, self.way, DEEPEST)
    }

    /// Whether a value where the way ends passes the test; of a list each value is tested. Null is nothing, and
    /// is not tested.
    pub(super) fn any(self, test: impl Fn(&Value<'_>) -> bool) -> bool {
        any(self.value, self.way, &test, DEEPEST)
    }
}

/// The first field of a way, and what is left of it then.
fn step(way: &str) -> (&str, Option<&str>) {
    way.split_once('.').map_or((way, None), |(next, rest)| (next, Some(rest)))
}

fn exists(value: &Value<'_>, way: Option<&str>, deepest: usize) -> bool {
    let Some((next, rest)) = way.map(step) else { return !value.is_null() };
    let Some(deepest) = deepest.checked_sub(1) else { return false };
    match value {
        Value::List(values) => values.iter().any(|value| exists(value, way, deepest)),
        value => value.field(next).is_some_and(|value| exists(value, rest, deepest)),
    }
}

fn any(value: &Value<'_>, way: Option<&str>, test: &impl Fn(&Value<'_>) -> bool, deepest: usize) -> bool {
    match (value, deepest.checked_sub(1)) {
        (Value::Null, _) => false,
        (Value::List(values), Some(deepest)) => values.iter().any(|value| any(value, way, test, deepest)),
        (value, deepest) => match (way.map(step), deepest) {
            // A list too deep ends here as what it is, which no test takes for a match, nor for the lack of one.
            (None, _) | (_, None) => test(value),
            (Some((next, rest)), Some(deepest)) => {
                value.field(next).is_some_and(|value| any(value, rest, test, deepest))
            }
        },
    }
}
