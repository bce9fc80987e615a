//! Two writers of one row.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// Why an edit was not made: somebody else has changed a row since its writer has seen it. Both sides, so that a person or
/// a program can decide anew.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Conflict {
    /// The table of the row: `flags` or `activations`.
    pub table: &'static str,
    /// The row's id.
    pub id: i64,
    /// The row's name; empty where the row is gone.
    pub name: String,
    /// The version that the writer has seen.
    pub expected: i64,
    /// The version that the row has; nothing where it is gone.
    pub found: Option<i64>,
    /// What the row is now, with the ids of a flag's activations; null where it is gone.
    pub theirs: Value,
    /// The changes of it that were to be made.
    pub yours: Value,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, id, name, expected, found, theirs, yours } = self;
        match found {
            Some(found) => write!(
                f,
                "{table}#{id} {name:?}: expected version {expected}, found version {found}: somebody else has changed it; \
                 look at it again. Theirs: {theirs}. Yours: {yours}"
            ),
            None => {
                write!(
                    f,
                    "{table}#{id}: expected version {expected}, but there is no such row. Yours: {yours}"
                )
            }
        }
    }
}
