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
        let Some(found) = found else {
            return write!(f, "{table}#{id}: expected version {expected}, but the row was deleted");
        };
        write!(
            f,
            "{table}#{id} {name:?}: expected version {expected}, found version {found}: modified since you read it; \
             reload and retry"
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
        let (table, name) = ("flags", "sale".to_owned());
        Conflict { table, id: 3, name, expected: 7, found, theirs, yours }.to_string()
    }

    #[test]
    fn differences_are_said_in_words() {
        let start = "flags#3 \"sale\": expected version 7, found version 8: modified since you read it; reload and retry";
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
        assert_eq!(conflict(None, status(true)), "flags#3: expected version 7, but the row was deleted");
    }
}
