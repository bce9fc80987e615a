//! Rules of the tables that a change breaks.

use std::{borrow::Cow, fmt};

use serde::Serialize;

/// The longest name that every database stores, in characters.
pub(crate) const MAX_NAME: usize = 255;

/// A rule of the tables that a change breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Violation {
    /// The table of the row.
    pub table: &'static str,
    /// The row's id; for `flags_activations` that of the flag, for `activation_members` that of the
    /// activation.
    pub id: Option<i64>,
    /// The row's name: of a link `(flag, activation)`, of a member its value; empty if the change does not
    /// name the row.
    pub name: String,
    /// The column, and in a list the item: `tags[2]`; `None` if the rule is about the row as a whole.
    pub field: Option<Cow<'static, str>>,
    /// The rule.
    pub kind: ViolationKind,
    /// What was expected and what was found.
    pub message: String,
}

/// A kind of rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ViolationKind {
    /// Another row has this key or this name.
    Duplicate,
    /// The row does not exist.
    Missing,
    /// The row refers to one that does not exist.
    Reference,
    /// Other rows refer to the row.
    InUse,
    /// A text is longer than its column.
    TooLong,
    /// A value that its column cannot hold.
    Value,
    /// A row cannot go back to what it was.
    Rollback,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_row(f, self.table, self.id, &self.name)?;
        if let Some(field) = &self.field {
            write!(f, ": {field}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// A row, as errors and the history call it: `flags#7 "Combo AND"`.
#[derive(Clone, Debug)]
pub(crate) struct RowRef {
    table: &'static str,
    id: Option<i64>,
    name: String,
}

impl RowRef {
    /// A row that is known by its id only.
    pub(crate) fn id(table: &'static str, id: i64) -> Self {
        Self { table, id: Some(id), name: String::new() }
    }

    pub(crate) fn flag(id: i64, name: &str) -> Self {
        Self { table: "flags", id: Some(id), name: shortened(name) }
    }

    pub(crate) fn activation(id: i64, name: &str) -> Self {
        Self { table: "activations", id: Some(id), name: shortened(name) }
    }

    pub(crate) fn link(flag: i64, activation: i64) -> Self {
        Self { table: "flags_activations", id: Some(flag), name: format!("({flag}, {activation})") }
    }

    pub(crate) fn member(activation: i64, member: &str) -> Self {
        Self { table: "activation_members", id: Some(activation), name: shortened(member) }
    }

    /// A row that has no id yet.
    #[cfg(feature = "sql")]
    pub(crate) fn named(table: &'static str, name: &str) -> Self {
        Self { table, id: None, name: shortened(name) }
    }

    /// A rule about the row as a whole.
    pub(crate) fn violation(self, kind: ViolationKind, message: impl Into<String>) -> Violation {
        let Self { table, id, name } = self;
        Violation { table, id, name, field: None, kind, message: message.into() }
    }

    /// A rule about a column.
    pub(crate) fn field(
        &self,
        field: impl Into<Cow<'static, str>>,
        kind: ViolationKind,
        message: impl Into<String>,
    ) -> Violation {
        Violation { field: Some(field.into()), ..self.clone().violation(kind, message) }
    }
}

impl fmt::Display for RowRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_row(f, self.table, self.id, &self.name)
    }
}

fn write_row(f: &mut fmt::Formatter<'_>, table: &str, id: Option<i64>, name: &str) -> fmt::Result {
    match (table, id) {
        ("flags_activations", _) => write!(f, "{table}{name}"),
        ("activation_members", Some(id)) => write!(f, "{table}({id}, {name:?})"),
        ("flag_metadata", Some(id)) => write!(f, "{table}#{id}"),
        (_, Some(id)) if name.is_empty() => write!(f, "{table}#{id}"),
        (_, Some(id)) => write!(f, "{table}#{id} {name:?}"),
        (_, None) => write!(f, "{table} {name:?}"),
    }
}

/// The beginning of a name that is too long to show.
pub(crate) fn shortened(name: &str) -> String {
    if name.chars().count() <= MAX_NAME {
        return name.to_owned();
    }
    name.chars().take(40).chain(['…']).collect()
}
