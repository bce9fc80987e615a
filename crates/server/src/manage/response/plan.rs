//! The plan of an edit.

use novi::snapshot::PlannedRow;
use schemars::JsonSchema;
use serde::Serialize;

use crate::http::problem::Problem;

/// What an edit would change.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Plan")]
pub(crate) struct EditPlan {
    /// Always false.
    pub(crate) written: bool,
    /// The revision that was planned with.
    pub(crate) revision: i64,
    pub(crate) plan: PlannedRows,
    /// Why the edit would be rejected; empty if it would be written.
    pub(crate) problems: Vec<Problem>,
}

/// The rows that would change.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PlannedRows {
    /// The flags that change, and those whose decisions may change, by id.
    pub(crate) flags: Vec<PlannedRow>,
    /// The activations that change, by id.
    pub(crate) activations: Vec<PlannedRow>,
}
