//! The fields of forms as JSON for the API, and its problems at the fields.

use crate::api::Problem;

/// An object of fields that are JSON text.
pub(crate) fn object(fields: &[(&'static str, String)]) -> String {
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", fields.join(","))
}

/// The problems of a field, by the start of its JSON pointer.
pub(crate) struct Problems(pub(crate) Vec<Problem>);

impl Problems {
    /// The messages for a field.
    pub(crate) fn at(&self, pointer: &str) -> Vec<String> {
        let is_here = |problem: &&Problem| {
            problem.pointer.strip_prefix(pointer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.0.iter().filter(is_here).map(|problem| problem.located(pointer)).collect()
    }

    /// The messages for none of these fields.
    pub(crate) fn elsewhere(&self, pointers: &[&str]) -> Vec<String> {
        let is_elsewhere =
            |problem: &&Problem| !pointers.iter().any(|pointer| problem.pointer.starts_with(pointer));
        self.0.iter().filter(is_elsewhere).map(|problem| problem.located("")).collect()
    }
}
