//! All that a row asks of its attribute.

use std::fmt;

use super::{path::Found, test::Test, values::Values};

/// The operators of a row, ready to be asked.
pub(super) struct Condition {
    /// Of a list, one value must meet this and `more.tests`. Most rows have this alone, which is why it lies here.
    first: Option<Test>,
    more: Option<Box<More>>,
}

#[derive(Default)]
struct More {
    tests: Vec<Test>,
    /// Of a list, no value may be in one of these.
    none_of: Vec<Values>,
    exists: Option<bool>,
}

impl Condition {
    /// All of these must hold.
    pub(super) fn new(tests: Vec<Test>, none_of: Vec<Values>, exists: Option<bool>) -> Self {
        let mut tests = tests.into_iter();
        let first = tests.next();
        let more = More { tests: tests.collect(), none_of, exists };
        let is_all = more.tests.is_empty() && more.none_of.is_empty() && exists.is_none();
        Self { first, more: (!is_all).then(|| Box::new(more)) }
    }

    /// Whether the attribute is as it must be. One that is missing never is (R4), unless that is what is asked for.
    #[inline]
    pub(super) fn met(&self, attribute: Option<Found<'_>>) -> bool {
        let exists = self.more.as_ref().and_then(|more| more.exists);
        let Some(found) = attribute else { return exists == Some(false) };
        match (found.single(), &self.first, &self.more) {
            // What nearly all attributes and rows are. The same as below, without the ways through lists and objects.
            (Some(value), Some(test), None) => test.met(value),
            (single, _, _) => self.met_by(found, single.is_some(), exists),
        }
    }

    fn met_by(&self, found: Found<'_>, is_there: bool, wanted: Option<bool>) -> bool {
        let exists = is_there || found.exists();
        if !exists || wanted == Some(false) {
            return wanted == Some(exists);
        }
        // A value of a type that a list does not have is not in it, but makes no sense outside of it either.
        let is_out = |values: &Values| !found.any(|value| values.contain(value) != Some(false));
        (self.tests().next().is_none() || found.any(|value| self.tests().all(|test| test.met(value))))
            && self.none_of().all(is_out)
    }

    fn tests(&self) -> impl Iterator<Item = &Test> {
        self.first.iter().chain(self.more.iter().flat_map(|more| &more.tests))
    }

    fn none_of(&self) -> impl Iterator<Item = &Values> {
        self.more.iter().flat_map(|more| &more.none_of)
    }
}

/// What is expected, for explanations.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tests = self.tests().map(ToString::to_string);
        let none_of = self.none_of().map(|values| format!("anything but {values}"));
        let exists = self.more.as_ref().and_then(|more| more.exists);
        let exists = exists.map(|exists| if exists { "any value" } else { "no value" }.to_owned());
        f.write_str(&tests.chain(none_of).chain(exists).collect::<Vec<_>>().join(", and "))
    }
}
