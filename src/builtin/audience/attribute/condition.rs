//! All that a row asks of its attribute.

use std::fmt;

use crate::{
    activation::evaluation::Check,
    builtin::audience::attribute::{
        operator::Test,
        path::{Found, Path},
        values::Values,
    },
    context::value::Value,
};

/// The operators of a row, ready to be asked.
pub(super) enum Condition {
    /// What most rows have.
    One(Test),
    Several(Box<Several>),
}

pub(super) struct Several {
    /// Of a list, one value must meet all of these.
    tests: Vec<Test>,
    /// Of a list, no value may be in one of these.
    none_of: Vec<Values>,
    exists: Option<bool>,
}

impl Condition {
    /// All of these must hold.
    pub(super) fn new(mut tests: Vec<Test>, none_of: Vec<Values>, exists: Option<bool>) -> Self {
        if tests.len() == 1
            && none_of.is_empty()
            && exists.is_none()
            && let Some(test) = tests.pop()
        {
            return Self::One(test);
        }
        Self::Several(Box::new(Several { tests, none_of, exists }))
    }

    /// Whether the attribute is as it must be. One that is missing never is (R4), unless that is what is asked for.
    #[inline(always)]
    pub(super) fn met(&self, path: &Path, check: &Check<'_>) -> bool {
        match (check.get(path.name()), self) {
            // What nearly all callers and rows have. The same as below, without the ways through other types.
            (Some(Value::Str(given)), Self::One(test)) => test.met_by_text(given, check),
            (attribute, _) => self.met_by(path.follow(attribute, check)),
        }
    }

    #[inline(never)]
    fn met_by(&self, attribute: Option<Found<'_>>) -> bool {
        let exists = match self {
            Self::One(_) => None,
            Self::Several(several) => several.exists,
        };
        let Some(found) = attribute else { return exists == Some(false) };
        let is_there = found.exists();
        if !is_there || exists == Some(false) {
            return exists == Some(is_there);
        }
        // A value of a type that a list does not have is not in it, but makes no sense outside of it either.
        let is_out = |values: &Values| !found.any(|value| values.contain(value) != Some(false));
        (self.tests().is_empty() || found.any(|value| self.tests().iter().all(|test| test.met(value))))
            && self.none_of().iter().all(is_out)
    }

    fn tests(&self) -> &[Test] {
        match self {
            Self::One(test) => std::slice::from_ref(test),
            Self::Several(several) => &several.tests,
        }
    }

    fn none_of(&self) -> &[Values] {
        match self {
            Self::One(_) => &[],
            Self::Several(several) => &several.none_of,
        }
    }
}

/// What is expected, for explanations.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tests = self.tests().iter().map(ToString::to_string);
        let none_of = self.none_of().iter().map(|values| format!("anything but {values}"));
        let exists = match self {
            Self::One(_) => None,
            Self::Several(several) => several.exists,
        };
        let exists = exists.map(|exists| if exists { "any value" } else { "no value" }.to_owned());
        f.write_str(&tests.chain(none_of).chain(exists).collect::<Vec<_>>().join(", and "))
    }
}
