//! What has been: a record of every change, the rows as of a past moment, and the way back to them.
//!
//! The records are written by the triggers of the tables (`flag_history`), in the transaction of the change: one a row
//! that changes, whoever changes it.

mod difference;
mod keep;
#[cfg(feature = "sql")]
mod replay;
mod rollback;

use std::{fmt, str::FromStr};

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
pub use difference::{Difference, FieldChange, differences};
pub use keep::Keep;
#[cfg(feature = "sql")]
pub(super) use replay::Replay;
pub use rollback::{Scope, rollback};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::{
    error::Result,
    rows::{Revision, Rows},
    store::{BoxFuture, ReadStore, constraints as refusal},
};

/// Reads the history of the rows, and shortens it.
pub trait HistoryStore: ReadStore {
    /// The records that a query asks for.
    ///
    /// # Errors
    /// [`Error::FlagNotFound`](crate::error::Error::FlagNotFound) when no flag has, or ever had, the name that is asked for;
    /// else as [`ReadStore::load`].
    fn history<'a>(&'a self, query: &'a HistoryQuery) -> BoxFuture<'a, Result<Vec<HistoryRecord>>>;

    /// All rows as they were then. Versions and times of `flag_metadata` are those that the nearest record has.
    ///
    /// # Errors
    /// [`Error::NotKept`](crate::error::Error::NotKept) for a moment before the history begins, or a revision above the
    /// present one; else as [`ReadStore::load`].
    fn rows_at(&self, moment: AsOf) -> BoxFuture<'_, Result<Rows>>;

    /// Deletes the records that tell of moments before this one only, and gives their number. They go in small
    /// transactions, so that nobody waits long. A moment before the first record deletes nothing.
    ///
    /// # Errors
    /// [`Error::Store`](crate::error::Error::Store) when the database fails; what is deleted by then stays deleted, and the rest can
    /// be read as before.
    fn prune(&self, before: AsOf) -> BoxFuture<'_, Result<u64>>;

    /// Whether the tables have novi's triggers. Where a MySQL server refuses to make them, changes leave no history, and do not
    /// raise the revision unless novi makes them: whoever follows the rows has to read all of them now and then.
    ///
    /// # Errors
    /// As [`ReadStore::load`].
    fn has_triggers(&self) -> BoxFuture<'_, Result<bool>>;
}

/// A moment of the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// When the rows were at this revision.
    Revision(Revision),
    /// What the clock of the database said.
    Time(DateTime<Utc>),
}

/// A revision, RFC 3339, or a date, with or without a time, which then are UTC.
impl FromStr for AsOf {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if let Ok(number) = text.parse() {
            return Ok(Self::Revision(Revision::new(number)));
        }
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::Time(time.to_utc()));
        }
        for format in ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"] {
            if let Ok(time) = NaiveDateTime::parse_from_str(text, format) {
                return Ok(Self::Time(time.and_utc()));
            }
        }
        let date =
            NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().and_then(|date| date.and_hms_opt(0, 0, 0));
        date.map(|time| Self::Time(time.and_utc())).ok_or(
            "expected a revision such as 42, a time such as 2027-01-31T12:00:00Z, or a date such as 2027-01-31",
        )
    }
}

impl fmt::Display for AsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Revision(revision) => write!(f, "revision {revision}"),
            Self::Time(time) => write!(f, "{}", time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)),
        }
    }
}

/// Which records are asked for; all of them by default, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HistoryQuery {
    /// Those of the flag with this name: of its row, its metadata and its links, and of the activations, with their members,
    /// that it is linked to or was. A flag that is gone, or has another name now, is found by the name that it had.
    pub flag: Option<String>,
    /// Those with a revision above this one.
    pub after: Option<Revision>,
    /// Those with this revision or a lower one.
    pub until: Option<Revision>,
    /// As many at most.
    pub limit: Option<u32>,
    /// Whether the oldest come first.
    pub oldest_first: bool,
}

impl HistoryQuery {
    /// All records, the oldest first.
    #[must_use]
    pub fn oldest_first() -> Self {
        Self { oldest_first: true, ..Self::default() }
    }

    /// Those of one flag.
    #[must_use]
    pub fn flag(mut self, name: impl Into<String>) -> Self {
        self.flag = Some(name.into());
        self
    }

    /// Those with a revision above `after` up to `until`.
    #[must_use]
    pub fn between(mut self, after: Revision, until: Revision) -> Self {
        (self.after, self.until) = (Some(after), Some(until));
        self
    }

    /// As many at most.
    #[must_use]
    pub fn limit(mut self, limit: u32) -> Self {
        self.limit = Some(limit);
        self
    }
}

/// One change of one row.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct HistoryRecord {
    /// The first revision that has the change.
    pub revision: Revision,
    /// When it was made: on PostgreSQL when it was committed.
    #[schemars(with = "Option<String>")]
    pub changed_at: Option<DateTime<Utc>>,
    /// Who made it: what the session said of itself, else the database's user, of which SQLite has none.
    pub actor: Option<String>,
    /// Why, if the session said so.
    pub reason: Option<String>,
    /// The table.
    #[schemars(with = "&str")]
    pub entity: Entity,
    /// What was done to the row.
    pub operation: Operation,
    /// The row before, as an object of its columns; nothing for one that is new.
    pub before: Option<Value>,
    /// The row after; nothing for one that is gone.
    pub after: Option<Value>,
}

impl HistoryRecord {
    /// The columns that differ, without those that the database keeps by itself.
    #[must_use]
    pub fn fields(&self) -> Vec<FieldChange> {
        difference::fields(self.before.as_ref(), self.after.as_ref())
    }

    /// The row, as people call it: `flags#7 "Combo AND"`.
    #[must_use]
    pub fn subject(&self) -> String {
        self.after.as_ref().or(self.before.as_ref()).map_or_else(String::new, |row| self.entity.subject(row))
    }
}

/// A table whose changes are kept.
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
    const ALL: [Self; 5] = [Self::Flag, Self::Metadata, Self::Activation, Self::Link, Self::Member];

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

    fn subject(self, row: &Value) -> String {
        let id = |column| row.get(column).and_then(Value::as_i64).unwrap_or_default();
        let text = |column| row.get(column).and_then(Value::as_str).unwrap_or_default();
        match self {
            Self::Flag => refusal::flag(id("id"), text("name")),
            Self::Metadata => format!("flag_metadata#{}", id("flag_id")),
            Self::Activation => refusal::activation(id("id"), text("name")),
            Self::Link => refusal::link(id("flag_id"), id("activation_id")),
            Self::Member => refusal::member(id("activation_id"), text("member")),
        }
    }
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.table())
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
    /// The row is gone.
    Delete,
}

impl Operation {
    fn of(before: Option<&Value>, after: Option<&Value>) -> Self {
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

/// A record as its columns are, read by the stores: `revision, changed_at, actor, reason, entity, before, after`.
#[cfg(feature = "sql")]
pub(super) struct Columns {
    pub(super) revision: i64,
    pub(super) changed_at: Option<DateTime<Utc>>,
    pub(super) actor: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) entity: String,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
}

#[cfg(feature = "sql")]
impl Columns {
    /// Nothing for a table that this novi does not know.
    pub(super) fn into_record(self) -> Option<HistoryRecord> {
        let json = |text: Option<String>| text.and_then(|text| serde_json::from_str::<Value>(&text).ok());
        let (before, after) = (json(self.before), json(self.after));
        Some(HistoryRecord {
            revision: Revision::new(self.revision),
            changed_at: self.changed_at,
            actor: self.actor,
            reason: self.reason,
            entity: Entity::parse(&self.entity)?,
            operation: Operation::of(before.as_ref(), after.as_ref()),
            before,
            after,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_people_write_them() {
        let time = |text: &str| AsOf::Time(text.parse().unwrap());
        for (text, expected) in [
            ("42", AsOf::Revision(Revision::new(42))),
            (" 2027-01-31T14:00:00+02:00 ", time("2027-01-31T12:00:00Z")),
            ("2027-01-31 12:30", time("2027-01-31T12:30:00Z")),
            ("2027-01-31", time("2027-01-31T00:00:00Z")),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text:?}");
        }
        for text in ["", "yesterday", "31.01.2027", "4.2"] {
            assert!(text.parse::<AsOf>().unwrap_err().contains("a revision such as 42"), "{text:?}");
        }
    }
}
