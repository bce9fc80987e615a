//! The condition of a row.

use std::{cell::Cell, fmt};

use crate::{
    activation::evaluation::Evaluation,
    builtin::audience::attribute::{
        operator::Test,
        path::{Found, Path},
        values::Values,
    },
    context::value::Value,
};

/// The compiled operators of a row.
pub(super) enum Condition {
    /// The most frequent case.
    One(Test),
    Several(Box<Several>),
}

pub(super) struct Several {
    /// If the attribute is a list, one value must meet all of these.
    tests: Vec<Test>,
    /// If the attribute is a list, no value may be in one of these.
    none_of: Vec<Values>,
    exists: Option<bool>,
}

impl Condition {
    /// A condition that requires all of these.
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

    /// Evaluates the condition. A missing attribute never matches, except with `"exists": false`.
    #[inline(always)]
    pub(super) fn is_met(&self, path: &Path, evaluation: &Evaluation<'_>) -> bool {
        match (evaluation.get(path.name()), self) {
            // The fast path for nearly all callers and rows, with the same result as below.
            (Some(Value::Str(given)), Self::One(test)) => test.is_met_by_str(given, evaluation),
            (attribute, _) => self.is_met_by(path.follow(attribute, evaluation)),
        }
    }

    #[inline(never)]
    fn is_met_by(&self, attribute: Option<Found<'_>>) -> bool {
        let exists = match self {
            Self::One(_) => None,
            Self::Several(several) => several.exists,
        };
        let Some(found) = attribute else { return exists == Some(false) };
        let is_present = found.exists();
        if !is_present || exists == Some(false) {
            return exists == Some(is_present);
        }
        // A value of a type that the list does not have is neither in the list nor outside of it.
        let is_out = |values: &Values| !found.any(|value| values.contains(value) != Some(false));
        (self.tests().is_empty() || found.any(|value| self.tests().iter().all(|test| test.is_met_by(value))))
            && self.none_of().iter().all(is_out)
    }

    /// The value of the caller that meets the condition, for explanations: of a list, the first that does. Empty
    /// if the condition is only about values that the caller does not have.
    pub(super) fn matched(&self, path: &Path, evaluation: &Evaluation<'_>) -> Vec<Value<'static>> {
        let Some(found) = path.follow(evaluation.get(path.name()), evaluation) else { return Vec::new() };
        let first = Cell::new(None);
        found.any(|value| {
            let meets = self.tests().iter().all(|test| test.is_met_by(value));
            if meets {
                first.set(Some(value.clone().into_owned()));
            }
            meets
        });
        first.into_inner().into_iter().collect()
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

/// For explanations.
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
