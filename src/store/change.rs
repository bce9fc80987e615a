//! Changes of rows, and who makes them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::rows::{ActivationRow, FlagMetadata, FlagRow, LinkRow, MemberRow};

/// Who makes a change, and why, for the history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Author {
    /// The name of a person or program; the database's user if there is none, or nobody on SQLite.
    pub actor: Option<String>,
    /// The reason.
    pub reason: Option<String>,
}

/// One change of the rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Change {
    /// Turns a flag's status on or off.
    SetStatus {
        /// The flag's name.
        flag: String,
        /// Its new status.
        status: bool,
    },
    /// Adds a row to `flags`, with an id of 1 or more and a name of at most 255 characters; its metadata goes
    /// to `flag_metadata`.
    InsertFlag(FlagRow),
    /// Renames a flag, to at most 255 characters.
    RenameFlag {
        /// `flags.id`
        id: i64,
        /// The new name.
        name: String,
    },
    /// Adds a row to `activations`, with an id of 1 or more and names of at most 255 characters.
    InsertActivation(ActivationRow),
    /// Replaces the name, class name and config of the row in `activations` with this id.
    UpdateActivation(ActivationRow),
    /// Adds a row to `flags_activations`.
    Link(LinkRow),
    /// Removes a row from `flags_activations`.
    Unlink(LinkRow),
    /// Replaces the metadata of a flag; the database keeps the version and the times.
    SetMetadata {
        /// `flags.id`
        flag_id: i64,
        /// The new contents.
        metadata: Box<FlagMetadata>,
    },
    /// Removes a flag, its metadata and its links.
    DeleteFlag {
        /// `flags.id`
        id: i64,
    },
    /// Removes an activation that no flag is linked to, and its members.
    DeleteActivation {
        /// `activations.id`
        id: i64,
    },
    /// Adds a row to `activation_members`, with a value of at most 255 characters.
    InsertMember(MemberRow),
    /// Removes a row from `activation_members`.
    DeleteMember {
        /// `activations.id`
        activation_id: i64,
        /// The value.
        member: String,
    },
}

/// A field of a row that differs between two states.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct FieldChange {
    /// The column. In plans `activations` stands for the ids of a flag's links, and `members` and
    /// `denied members` for the lists of an activation.
    pub field: String,
    /// The value before, null also for a new row; of members, those that are removed.
    pub before: Value,
    /// The value after, null also for a deleted row; of members, those that are added.
    pub after: Value,
}

impl FieldChange {
    /// The change, or, if a value is longer than so many characters, the members of its JSON object that differ, each as
    /// a field of its own: `config.state`. Otherwise the difference could be behind what is shown of a long config.
    ///
    /// ```
    /// use novi::store::FieldChange;
    ///
    /// let change = FieldChange::new("config", r#"{"a": 1, "state": "on"}"#.into(), r#"{"a": 1, "state": "off"}"#.into());
    /// let fields: Vec<String> = change.narrowed(10).iter().map(ToString::to_string).collect();
    /// assert_eq!(fields, [r#"config.state: "on" -> "off""#]);
    /// ```
    #[must_use]
    pub fn narrowed(&self, longest: usize) -> Vec<Self> {
        let is_long = |value: &Value| match value {
            Value::String(text) => text.len() > longest,
            value => value.to_string().len() > longest,
        };
        let objects = [&self.before, &self.after].map(object);
        if let [Some(before), Some(after)] = objects
            && (is_long(&self.before) || is_long(&self.after))
        {
            let mut fields = Vec::new();
            differing(&self.field, (&before, &after), 0, &mut fields);
            // Another order of the members, or other spaces, is a change as well.
            if !fields.is_empty() {
                return fields;
            }
        }
        vec![self.clone()]
    }

    /// A field with its values.
    #[must_use]
    pub fn new(field: impl Into<String>, before: Value, after: Value) -> Self {
        Self { field: field.into(), before, after }
    }
}

type Object = serde_json::Map<String, Value>;

/// An object, also as the text of a column.
fn object(value: &Value) -> Option<Object> {
    match value {
        Value::Object(object) => Some(object.clone()),
        Value::String(text) => serde_json::from_str(text).ok(),
        _ => None,
    }
}

/// The members of two objects that differ, by their paths.
fn differing(path: &str, (before, after): (&Object, &Object), depth: usize, fields: &mut Vec<FieldChange>) {
    /// Deeper objects are shown as a whole.
    const DEEPEST: usize = 3;
    let added = after.iter().filter(|(name, _)| !before.contains_key(*name));
    for (name, value) in before.iter().chain(added) {
        let (one, other) = (before.get(name), after.get(name));
        if one == other {
            continue;
        }
        let path = format!("{path}.{name}");
        match (one, other) {
            (Some(Value::Object(one)), Some(Value::Object(other))) if depth < DEEPEST => {
                differing(&path, (one, other), depth + 1, fields);
            }
            _ => {
                let other = if one.is_none() { Some(value) } else { other };
                let value = |side: Option<&Value>| side.cloned().unwrap_or_default();
                fields.push(FieldChange::new(path, value(one), value(other)));
            }
        }
    }
}

impl fmt::Display for FieldChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, before, after } = self;
        write!(f, "{field}: {} -> {}", shortened(before), shortened(after))
    }
}

/// The beginning of a value. Configs can be megabytes long, and lists can have 100,000 members.
fn shortened(value: &Value) -> String {
    const MAX_LENGTH: usize = 200;
    let text = value.to_string();
    match text.char_indices().nth(MAX_LENGTH) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}
