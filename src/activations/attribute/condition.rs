//! All that a row asks of its attribute.

use std::fmt;

use super::{path::Found, test::Test, values::Values};

/// The operators of a row, ready to be asked.
#[derive(Debug, Default)]
pub(super) struct Condition {
    /// Of a list, one value must meet all of these.
    pub(super) tests: Vec<Test>,
    /// Of a list, no value may be in one of these.
    pub(super) none_of: Vec<Values>,
    pub(super) exists: Option<bool>,
}

impl Condition {
    /// Whether the attribute is as it must be. One that is missing never is (R4), unless that is what is asked for.
    #[inline]
    pub(super) fn met(&self, attribute: Option<Found<'_>>) -> bool {
        let Some(found) = attribute else { return self.exists == Some(false) };
        if let Some(value) = found.single() {
            // What nearly all attributes are. The same as below, without the ways through lists and objects.
            return self.exists != Some(false)
                && self.tests.iter().all(|test| test.met(value))
                && self.none_of.iter().all(|values| values.contain(value) == Some(false));
        }
        let exists = found.exists();
        if !exists || self.exists == Some(false) {
            return self.exists == Some(exists);
        }
        // A value of a type that a list does not have is not in it, but makes no sense outside of it either.
        let is_out = |values: &Values| !found.any(|value| values.contain(value) != Some(false));
        (self.tests.is_empty() || found.any(|value| self.tests.iter().all(|test| test.met(value))))
            && self.none_of.iter().all(is_out)
    }
}

/// What is expected, for explanations.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tests = self.tests.iter().map(ToString::to_string);
        let none_of = self.none_of.iter().map(|values| format!("anything but {values}"));
        let exists = self.exists.map(|exists| if exists { "any value" } else { "no value" }.to_owned());
        f.write_str(&tests.chain(none_of).chain(exists).collect::<Vec<_>>().join(", and "))
    }
}
