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

impl Conflict {
    /// A conflict of which neither side is known, only the versions.
    #[must_use]
    pub fn new(
        table: &'static str,
        id: i64,
        name: impl Into<String>,
        expected: i64,
        found: Option<i64>,
    ) -> Self {
        Self { table, id, name: name.into(), expected, found, theirs: Value::Null, yours: Value::Null }
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, id, name, expected, found, theirs, yours } = self;
        let row = if *table == "activations" { "activation" } else { "flag" };
        if name.is_empty() {
            write!(f, "{row} {id}")?;
        } else {
            write!(f, "{row} {name:?}")?;
        }
        let Some(found) = found else {
            return write!(
                f,
                " was deleted since you read it; restore it from the history, or discard your change"
            );
        };
        write!(
            f,
            " was modified since you read it (you read version {expected}, it now has version {found}); \
             reload it and retry"
        )?;
        let mut fields = Vec::new();
        for change in yours.as_array().into_iter().flatten().filter_map(Value::as_object) {
            change.values().for_each(|yours| differences(theirs, yours, &mut fields));
        }
        match fields.as_slice() {
            [] => Ok(()),
            fields => write!(f, "; differs in {}", fields.join(", ")),
        }
    }
}

/// The fields of a change whose values are not those of the current row: `status (now true, yours false)`.
fn differences(theirs: &Value, yours: &Value, found: &mut Vec<String>) {
    const SET_BY_DATABASE: [&str; 3] = ["row_version", "created_at", "updated_at"];
    /// Longer values are not shown.
    const LONGEST: usize = 60;
    for (field, yours) in yours.as_object().into_iter().flatten() {
        match (theirs.get(field), yours) {
            _ if SET_BY_DATABASE.contains(&field.as_str()) => (),
            (Some(theirs @ Value::Object(_)), Value::Object(_)) => differences(theirs, yours, found),
            (Some(theirs), yours) if theirs != yours => {
                let (theirs, yours) = (theirs.to_string(), yours.to_string());
                let values = if theirs.len().max(yours.len()) <= LONGEST {
                    format!(" (now {theirs}, yours {yours})")
                } else {
                    String::new()
                };
                found.push(format!("{field}{values}"));
            }
            // A change may name its row in its own way, and have the row inside.
            (None, Value::Object(_)) => differences(theirs, yours, found),
            _ => (),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn conflict(found: Option<i64>, yours: Value) -> String {
        let metadata = json!({"owner": "ann", "tags": [], "row_version": 8, "updated_at": "2026-12-02"});
        let theirs = json!({"id": 3, "name": "sale", "status": true, "metadata": metadata});
        let name = if found.is_some() { "sale" } else { "" };
        Conflict { theirs, yours, ..Conflict::new("flags", 3, name, 7, found) }.to_string()
    }

    #[test]
    fn differences_are_said_in_words() {
        let start = "flag \"sale\" was modified since you read it (you read version 7, it now has version 8); \
                     reload it and retry";
        let status = |status: bool| json!([{"set_status": {"flag": "sale", "status": status}}]);
        assert_eq!(conflict(Some(8), status(true)), start);
        assert_eq!(
            conflict(Some(8), status(false)),
            format!("{start}; differs in status (now true, yours false)")
        );
        let metadata =
            json!({"owner": "bob", "tags": ["x".repeat(99)], "row_version": 7, "updated_at": "2026-12-01"});
        assert_eq!(
            conflict(Some(8), json!([{"set_metadata": {"flag_id": 3, "metadata": metadata}}])),
            format!("{start}; differs in owner (now \"ann\", yours \"bob\"), tags")
        );
        assert_eq!(
            conflict(None, status(true)),
            "flag 3 was deleted since you read it; restore it from the history, or discard your change"
        );
        let sale = Conflict::new("activations", 1, "Sale", 7, Some(8)).to_string();
        assert!(sale.starts_with("activation \"Sale\" was modified since you read it"), "{sale}");
    }
}
