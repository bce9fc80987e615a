//! Records of the history: one change of one row each.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::rows::{Revision, violation::RowRef};

/// One change of one row.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct HistoryRecord {
    /// The first revision that has the change.
    pub revision: Revision,
    /// When it was made; on PostgreSQL, when it was committed.
    #[schemars(with = "Option<String>")]
    pub changed_at: Option<DateTime<Utc>>,
    /// Who made it: the actor of the session, else the database's user, which SQLite does not have.
    pub actor: Option<String>,
    /// The reason of the session, if any.
    pub reason: Option<String>,
    /// The table.
    #[schemars(with = "&str")]
    pub entity: Entity,
    /// What happened to the row.
    pub operation: Operation,
    /// The row before, as an object of its columns; `None` for an insert.
    pub before: Option<Value>,
    /// The row after; `None` for a delete.
    pub after: Option<Value>,
}

impl HistoryRecord {
    /// The row, as people call it: `flags#7 "Combo AND"`.
    #[must_use]
    pub fn subject(&self) -> String {
        self.after.as_ref().or(self.before.as_ref()).map_or_else(String::new, |row| self.entity.subject(row))
    }
}

/// A table with a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Entity {
    /// `flags`
    Flag,
    /// `flag_metadata`
    Metadata,
    /// `activations`
    Activation,
    /// `flags_activations`
    Link,
    /// `activation_members`
    Member,
}

impl Entity {
    /// All tables with a history.
    pub const ALL: [Self; 5] = [Self::Flag, Self::Metadata, Self::Activation, Self::Link, Self::Member];

    /// The table's name.
    #[must_use]
    pub const fn table(self) -> &'static str {
        match self {
            Self::Flag => "flags",
            Self::Metadata => "flag_metadata",
            Self::Activation => "activations",
            Self::Link => "flags_activations",
            Self::Member => "activation_members",
        }
    }

    /// The table with this name.
    #[must_use]
    pub fn parse(table: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|entity| entity.table() == table)
    }

    pub(super) fn subject(self, row: &Value) -> String {
        let id = |column| row.get(column).and_then(Value::as_i64).unwrap_or_default();
        let text = |column| row.get(column).and_then(Value::as_str).unwrap_or_default();
        match self {
            Self::Flag => RowRef::flag(id("id"), text("name")).to_string(),
            Self::Metadata => format!("flag_metadata#{}", id("flag_id")),
            Self::Activation => RowRef::activation(id("id"), text("name")).to_string(),
            Self::Link => RowRef::link(id("flag_id"), id("activation_id")).to_string(),
            Self::Member => RowRef::member(id("activation_id"), text("member")).to_string(),
        }
    }
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.table())
    }
}

impl FromStr for Entity {
    type Err = String;

    fn from_str(table: &str) -> Result<Self, String> {
        let expected = || format!("expected one of `{}`", Self::ALL.map(Self::table).join("`, `"));
        Self::parse(table).ok_or_else(expected)
    }
}

impl Serialize for Entity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.table())
    }
}

/// What was done to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// The row is new.
    Insert,
    /// The row has changed.
    Update,
    /// The row was deleted.
    Delete,
}

impl Operation {
    pub(super) fn from_states(before: Option<&Value>, after: Option<&Value>) -> Self {
        match (before, after) {
            (None, _) => Self::Insert,
            (Some(_), Some(_)) => Self::Update,
            (Some(_), None) => Self::Delete,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
        })
    }
}

/// The columns of a record: `revision, changed_at, actor, reason, entity, before, after`.
#[cfg(feature = "sql")]
pub(in crate::store) struct Columns {
    pub(in crate::store) revision: i64,
    pub(in crate::store) changed_at: Option<DateTime<Utc>>,
    pub(in crate::store) actor: Option<String>,
    pub(in crate::store) reason: Option<String>,
    pub(in crate::store) entity: String,
    pub(in crate::store) before: Option<String>,
    pub(in crate::store) after: Option<String>,
}

#[cfg(feature = "sql")]
impl Columns {
    /// `None` for a table that this version of novi does not know.
    pub(in crate::store) fn into_record(self) -> Option<HistoryRecord> {
        let json = |text: Option<String>| text.and_then(|text| serde_json::from_str::<Value>(&text).ok());
        let (before, after) = (json(self.before), json(self.after));
        Some(HistoryRecord {
            revision: Revision::new(self.revision),
            changed_at: self.changed_at,
            actor: self.actor,
            reason: self.reason,
            entity: Entity::parse(&self.entity)?,
            operation: Operation::from_states(before.as_ref(), after.as_ref()),
            before,
            after,
        })
    }
}
