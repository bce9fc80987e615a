//! Conflicts of two writers of one row.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// An edit was not made because a row has changed since its author read it. Both sides are here, so that a
/// person or a program can decide.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Conflict {
    /// The table of the row: `flags` or `activations`.
    pub table: &'static str,
    /// The row's id.
    pub id: i64,
    /// The row's name; empty if the row was deleted.
    pub name: String,
    /// The version that the author has read.
    pub expected: i64,
    /// The version that the row has; `None` if it was deleted.
    pub found: Option<i64>,
    /// The current row, with the ids of a flag's activations; null if it was deleted.
    pub theirs: Value,
    /// The changes of it in the edit.
    pub yours: Value,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, id, name, expected, found, theirs, yours } = self;
        match found {
            Some(found) => write!(
                f,
                "{table}#{id} {name:?}: expected version {expected}, found version {found}: modified since you read it; \
                 reload and retry. Theirs: {theirs}. Yours: {yours}"
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
