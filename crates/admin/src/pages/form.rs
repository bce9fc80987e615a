//! The fields of forms as JSON for the API, and its problems at the fields.

use serde_json::value::RawValue;

use crate::api::Problem;

/// JSON text as it is, or null without one.
pub(crate) fn checked_json(pointer: &str, text: &str) -> Result<String, Problem> {
    if text.is_empty() {
        return Ok("null".to_owned());
    }
    match serde_json::from_str::<&RawValue>(text) {
        Ok(json) => Ok(json.get().to_owned()),
        Err(error) => Err(Problem {
            pointer: pointer.to_owned(),
            message: format!("expected JSON: {error}"),
            ..Problem::default()
        }),
    }
}

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
        self.0.iter().filter(is_here).map(|problem| located(problem, pointer)).collect()
    }

    /// The messages for none of these fields.
    pub(crate) fn elsewhere(&self, pointers: &[&str]) -> Vec<String> {
        let is_elsewhere =
            |problem: &&Problem| !pointers.iter().any(|pointer| problem.pointer.starts_with(pointer));
        self.0.iter().filter(is_elsewhere).map(|problem| located(problem, "")).collect()
    }
}

/// A message, with the place in the field and the flags that would break.
fn located(problem: &Problem, pointer: &str) -> String {
    let place = problem.pointer.strip_prefix(pointer).unwrap_or_default();
    let place = if place.is_empty() { String::new() } else { format!("{place}: ") };
    let flags = match problem.flags.as_slice() {
        [] => String::new(),
        flags => format!(" (breaks {})", flags.join(", ")),
    };
    format!("{place}{}{flags}", problem.message)
}
