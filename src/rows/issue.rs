//! Invalid rows.

use std::fmt;

use serde::Serialize;

/// An invalid row, or an invalid file of an activation type, and the flags that are broken by it. All other
/// flags are unaffected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Issue {
    /// The table of the row; `novi_activations` for a file.
    pub table: &'static str,
    /// The row's id; for `flags_activations` that of the flag, if it has one, for `activation_members`
    /// that of the activation.
    pub id: Option<i64>,
    /// The row's name, or what stands for it; the file's name.
    pub name: String,
    /// The column, and for a config the path in its JSON: `config.splits[2]`; for a file the line and column.
    pub path: String,
    /// What was expected and what was found.
    pub message: String,
    /// The names of the flags that are broken by it, sorted.
    pub flags: Vec<String>,
    /// Whether the row is valid all the same: it has unknown fields, which are ignored.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub warning: bool,
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, id, name, path, message, .. } = self;
        match id {
            Some(id) => write!(f, "{table}#{id} {name:?}: {path}: {message}"),
            None => write!(f, "{table} {name:?}: {path}: {message}"),
        }
    }
}
