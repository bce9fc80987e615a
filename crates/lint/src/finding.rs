//! A finding.

use schemars::JsonSchema;
use serde::Serialize;

/// What is noticed about a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Finding {
    /// `flags` or `activations`
    pub table: &'static str,
    /// The id of the row.
    pub id: i64,
    /// The name of the row.
    pub name: String,
    /// The kind of the finding, for programs: `always_off`, `dead_branch` and the like.
    pub code: &'static str,
    /// What is noticed, and why.
    pub message: String,
}

impl Finding {
    /// A finding about a row.
    pub fn new(
        table: &'static str,
        id: i64,
        name: impl Into<String>,
        code: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self { table, id, name: name.into(), code, message: message.into() }
    }
}
