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
