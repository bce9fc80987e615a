//! A finding.

use serde::Serialize;

/// What is noticed about a row.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Finding {
    pub(super) table: &'static str,
    pub(super) id: i64,
    pub(super) name: String,
    /// For programs; stable.
    pub(super) code: &'static str,
    pub(super) message: String,
}
