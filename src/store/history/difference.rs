//! Differences between two states of a row, or of all rows.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    rows::{ActivationRow, Fault, FlagRow, MemberRow, Rows},
    store::{
        change::FieldChange,
        history::record::{Entity, HistoryRecord, Operation},
    },
};

/// Columns that the database maintains.
const KEPT: [&str; 3] = ["row_version", "created_at", "updated_at"];

/// A row that differs between two states.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Difference {
    /// The table.
    #[schemars(with = "&str")]
    pub entity: Entity,
    /// The row, for people: `flags#7 "Combo AND"`.
    pub subject: String,
    /// What turns one state into the other.
    pub operation: Operation,
    /// The columns that differ, without those that the database maintains.
    pub fields: Vec<FieldChange>,
}

/// The differences between two states of the rows, by table and id.
#[must_use]
pub fn differences(from: &Rows, to: &Rows) -> Vec<Difference> {
    let (from, to) = (by_key(from), by_key(to));
    let keys: BTreeSet<_> = from.keys().chain(to.keys()).collect();
    let mut found = Vec::new();
    for key in keys {
        let (before, after) = (from.get(key), to.get(key));
        // JSON takes ten times as long to compare; most rows are equal.
        if before == after {
            continue;
        }
        let (before, after) = (before.map(State::json), after.map(State::json));
        if before == after {
            continue;
        }
        let (before, after) = (before.as_ref(), after.as_ref());
        let Some(row) = after.or(before) else { continue };
        found.push(Difference {
            entity: key.0,
            subject: key.0.subject(row),
            operation: Operation::from_states(before, after),
            fields: fields(before, after),
        });
    }
    found
}

impl HistoryRecord {
    /// The columns that differ, without those that the database maintains.
    #[must_use]
    pub fn fields(&self) -> Vec<FieldChange> {
        fields(self.before.as_ref(), self.after.as_ref())
    }
}

/// The columns of two objects that differ.
fn fields(before: Option<&Value>, after: Option<&Value>) -> Vec<FieldChange> {
    let columns = |row: Option<&Value>| -> BTreeSet<String> {
        let row = row.and_then(Value::as_object);
        row.into_iter().flat_map(|row| row.keys().cloned()).collect()
    };
    let value = |row: Option<&Value>, column: &str| {
        row.and_then(|row| row.get(column)).cloned().unwrap_or(Value::Null)
    };
    let mut found = Vec::new();
    for field in columns(before).union(&columns(after)) {
        let (before, after) = (value(before, field), value(after, field));
        if before != after && !KEPT.contains(&field.as_str()) {
            found.push(FieldChange { field: field.clone(), before, after });
        }
    }
    found
}

type Key<'a> = (Entity, i64, i64, &'a str);

/// One row of a table.
#[derive(PartialEq)]
enum State<'a> {
    Flag(&'a FlagRow),
    Metadata(&'a FlagRow),
    Activation(&'a ActivationRow),
    Link(i64, i64),
    Member(&'a MemberRow),
}

impl State<'_> {
    /// The row in the form of a record.
    fn json(&self) -> Value {
        match self {
            Self::Flag(row) => with_faults(
                json!({"id": row.id, "name": row.name, "status": row.status}),
                row.faults.iter().filter(|fault| fault.table == Entity::Flag.table()),
            ),
            Self::Metadata(row) => with_faults(
                metadata(row),
                row.faults.iter().filter(|fault| fault.table != Entity::Flag.table()),
            ),
            Self::Activation(row) => with_faults(
                json!({"id": row.id, "name": row.name, "class_name": row.class_name, "config": row.config}),
                &row.faults,
            ),
            Self::Link(flag, activation) => json!({"flag_id": flag, "activation_id": activation}),
            Self::Member(row) => with_faults(
                json!({"activation_id": row.activation_id, "member": row.member, "denied": row.denied}),
                row.fault.as_deref(),
            ),
        }
    }
}

/// Rows by their keys. Links without ids cannot be distinguished, and are omitted.
fn by_key(rows: &Rows) -> BTreeMap<Key<'_>, State<'_>> {
    let mut found = BTreeMap::new();
    for row in &rows.flags {
        found.insert((Entity::Flag, row.id, 0, ""), State::Flag(row));
        found.insert((Entity::Metadata, row.id, 0, ""), State::Metadata(row));
    }
    for row in &rows.activations {
        found.insert((Entity::Activation, row.id, 0, ""), State::Activation(row));
    }
    for link in &rows.links {
        if let (Some(flag), Some(activation)) = (link.flag_id, link.activation_id) {
            found.insert((Entity::Link, flag, activation, ""), State::Link(flag, activation));
        }
    }
    for row in &rows.members {
        found.insert((Entity::Member, row.activation_id, 0, &*row.member), State::Member(row));
    }
    found
}

fn metadata(row: &FlagRow) -> Value {
    // Strings, numbers and times are always valid JSON.
    let mut metadata = serde_json::to_value(&row.metadata).unwrap_or_default();
    if let Some(columns) = metadata.as_object_mut() {
        for column in KEPT {
            columns.remove(column);
        }
        columns.insert("flag_id".to_owned(), row.id.into());
    }
    metadata
}

/// A value that could not be read is a default in the row, which is not the same.
fn with_faults<'a>(mut row: Value, faults: impl IntoIterator<Item = &'a Fault>) -> Value {
    let faults: Vec<_> =
        faults.into_iter().map(|fault| format!("{}: {}", fault.column, fault.message)).collect();
    if let Some(columns) = row.as_object_mut()
        && !faults.is_empty()
    {
        columns.insert("unreadable".to_owned(), faults.into());
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::{ActivationRow, LinkRow, MemberRow, Revision};

    #[test]
    fn rows_differ_by_field() {
        let before = Rows {
            revision: Revision::new(1),
            flags: vec![FlagRow::new(1, "one", true), FlagRow::new(2, "two", true)],
            activations: vec![ActivationRow::new(7, "a", "c", "[1]")],
            links: vec![LinkRow::new(1, 7), LinkRow { flag_id: None, activation_id: None }],
            members: vec![MemberRow::allowed(7, "ann")],
            ..Rows::default()
        };
        assert_eq!(differences(&before, &before), []);
        let mut after = before.clone();
        after.flags.remove(1);
        after.flags[0].metadata.owner = Some("ann".to_owned());
        after.flags[0].metadata.row_version += 1;
        after.activations[0].config = None;
        after.links.clear();
        after.members[0].denied = true;
        let told: Vec<_> = differences(&before, &after)
            .into_iter()
            .map(|difference| {
                let Difference { operation, subject, fields, .. } = difference;
                let fields: Vec<_> = fields
                    .iter()
                    .map(|change| format!("{} {}>{}", change.field, change.before, change.after))
                    .collect();
                format!("{operation} {subject}: {}", fields.join(", "))
            })
            .collect();
        assert_eq!(told[0], r#"delete flags#2 "two": id 2>null, name "two">null, status true>null"#);
        assert_eq!(told[1], r#"update flag_metadata#1: owner null>"ann""#);
        assert!(told[2].starts_with("delete flag_metadata#2: "));
        assert_eq!(told[3], r#"update activations#7 "a": config "[1]">null"#);
        assert_eq!(told[4], "delete flags_activations(1, 7): activation_id 7>null, flag_id 1>null");
        assert_eq!(told[5], r#"update activation_members(7, "ann"): denied false>true"#);
        assert_eq!(told.len(), 6);
    }
}
