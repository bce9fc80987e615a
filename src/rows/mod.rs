//! The rows of the three core tables, of `flag_metadata` and of `activation_members`, as a store reads them.
//!
//! Rows are what the database holds, not what novi makes of it: a row may be unreadable or nonsense. What could not
//! be read is noted in [`FlagRow::faults`], [`ActivationRow::faults`] and [`MemberRow::fault`], so that it hurts the flags that need
//! the row and nothing else.

pub(crate) mod conflict;
pub(crate) mod expired;
pub(crate) mod issue;
pub(crate) mod violation;

use std::fmt;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
pub use violation::{Violation, ViolationKind};

/// The number of a state of the rows.
///
/// Compare revisions with `!=` only: after a restore or a fail-over the database may be at a lower one than before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Revision(i64);

impl Revision {
    /// The revision with this number.
    #[must_use]
    pub const fn new(number: i64) -> Self {
        Self(number)
    }

    /// The number, as the table `novi_revision` has it.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Every row of one revision.
///
/// Of serde, so that rows can come from a file as well; metadata and configs may be left out:
///
/// ```
/// let rows: novi::rows::Rows = serde_json::from_str(r#"{
///     "flags": [{"id": 1, "name": "Winter sale", "status": true}],
///     "activations": [{"id": 1, "name": "Half", "class_name": "novi.percentage", "config": "{\"percentage\": 50}"}],
///     "links": [{"flag_id": 1, "activation_id": 1}]
/// }"#)?;
/// let flags = novi::Flags::from_rows(rows)?;
/// assert_eq!(flags.issues(), []);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rows {
    /// The state that these rows are.
    pub revision: Revision,
    /// Table `flags`, with `flag_metadata` beside each row.
    pub flags: Vec<FlagRow>,
    /// Table `activations`.
    pub activations: Vec<ActivationRow>,
    /// Table `flags_activations`.
    pub links: Vec<LinkRow>,
    /// Table `activation_members`.
    pub members: Vec<MemberRow>,
}

impl Rows {
    /// The links of a flag. Links must be in the order of their flags, as those of a snapshot are.
    #[must_use]
    pub fn links_of(&self, flag: Option<i64>) -> &[LinkRow] {
        let start = self.links.partition_point(|link| link.flag_id < flag);
        let after = self.links.get(start..).unwrap_or_default();
        let count = after.partition_point(|link| link.flag_id == flag);
        after.get(..count).unwrap_or_default()
    }

    /// The members of an activation. Members must be in the order of their activations, as those of a snapshot are.
    #[must_use]
    pub fn members_of(&self, activation_id: i64) -> &[MemberRow] {
        let start = self.members.partition_point(|row| row.activation_id < activation_id);
        let after = self.members.get(start..).unwrap_or_default();
        let count = after.partition_point(|row| row.activation_id == activation_id);
        after.get(..count).unwrap_or_default()
    }
}

/// A row of `flags`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlagRow {
    /// Primary key.
    pub id: i64,
    /// What code calls the flag; unique.
    pub name: String,
    /// `false` turns the flag off whatever its activations say (R1).
    pub status: bool,
    /// The row of `flag_metadata`, or the defaults where there is none.
    #[serde(default)]
    pub metadata: FlagMetadata,
    /// What could not be read of this row.
    #[serde(skip)]
    pub faults: Vec<Fault>,
}

impl FlagRow {
    /// A flag without metadata.
    #[must_use]
    pub fn new(id: i64, name: impl Into<String>, status: bool) -> Self {
        Self { id, name: name.into(), status, ..Self::default() }
    }
}

/// A row of `activations`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActivationRow {
    /// Primary key.
    pub id: i64,
    /// What people call the activation.
    pub name: String,
    /// Which registered type answers: its class name or one of its aliases.
    pub class_name: String,
    /// The JSON text that the type is built from; `None` is SQL's null.
    pub config: Option<String>,
    /// Counts the changes of the activation and its members, as `activation_metadata` has it; a writer names the one it
    /// has seen.
    #[serde(default = "first_version")]
    pub row_version: i64,
    /// What could not be read of this row.
    #[serde(skip)]
    pub faults: Vec<Fault>,
}

const fn first_version() -> i64 {
    1
}

impl Default for ActivationRow {
    fn default() -> Self {
        Self {
            id: 0,
            name: String::new(),
            class_name: String::new(),
            config: None,
            row_version: first_version(),
            faults: Vec::new(),
        }
    }
}

impl ActivationRow {
    /// An activation of the type `class_name`.
    #[must_use]
    pub fn new(
        id: i64,
        name: impl Into<String>,
        class_name: impl Into<String>,
        config: impl Into<String>,
    ) -> Self {
        Self {
            id,
            name: name.into(),
            class_name: class_name.into(),
            config: Some(config.into()),
            ..Self::default()
        }
    }
}

/// A row of `flags_activations`. Both ends are nullable in tables that the Python original made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkRow {
    /// `flags.id`
    pub flag_id: Option<i64>,
    /// `activations.id`
    pub activation_id: Option<i64>,
}

impl LinkRow {
    /// A link between a flag and an activation.
    #[must_use]
    pub const fn new(flag_id: i64, activation_id: i64) -> Self {
        Self { flag_id: Some(flag_id), activation_id: Some(activation_id) }
    }
}

/// A row of `activation_members`: one value of the list of an activation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberRow {
    /// `activations.id`
    pub activation_id: i64,
    /// The value, such as a user's id.
    pub member: String,
    /// Whether it is in the list of those that are denied, and not in that of those that are allowed.
    #[serde(default)]
    pub denied: bool,
    /// What could not be read of this row. Boxed, since there may be millions of rows, and hardly any has a fault.
    #[serde(skip)]
    pub fault: Option<Box<Fault>>,
}

impl MemberRow {
    /// A value that an activation allows.
    #[must_use]
    pub fn allowed(activation_id: i64, member: impl Into<String>) -> Self {
        Self { activation_id, member: member.into(), ..Self::default() }
    }

    /// A value that an activation denies.
    #[must_use]
    pub fn denied(activation_id: i64, member: impl Into<String>) -> Self {
        Self { denied: true, ..Self::allowed(activation_id, member) }
    }
}

/// A column of a row that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The table that has the column: `flags`, `flag_metadata`, `activations` or `activation_members`.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// What was expected and what was found.
    pub message: String,
}

/// What stands beside a flag in `flag_metadata`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FlagMetadata {
    /// What the flag is for.
    pub description: Option<String>,
    /// Whom to ask: names or addresses.
    pub owner: Option<String>,
    /// When the flag should be gone from the code.
    pub expires_at: Option<DateTime<Utc>>,
    /// Labels, a JSON array in the table.
    pub tags: Vec<String>,
    /// Whether a request may override the flag.
    pub override_allowed: bool,
    /// Whether callers with a client token may see and evaluate the flag.
    pub exposed: bool,
    /// What a broken flag answers (R6).
    pub fail_mode: FailMode,
    /// Variant names and their values: a JSON object, kept as the row's text. Or a whole number from 1 to 1000: then the flag has
    /// so many versions, which are variants by the names `1`, `2` and so on.
    pub variants: Option<String>,
    /// The variant answered when no activation assigns one.
    pub default_variant: Option<String>,
    /// Counts the changes of the flag; a writer names the one it has seen.
    pub row_version: i64,
    /// When the flag was made.
    pub created_at: Option<DateTime<Utc>>,
    /// When the flag or its metadata last changed.
    pub updated_at: Option<DateTime<Utc>>,
}

impl Default for FlagMetadata {
    fn default() -> Self {
        Self {
            description: None,
            owner: None,
            expires_at: None,
            tags: Vec::new(),
            override_allowed: true,
            exposed: false,
            fail_mode: FailMode::Off,
            variants: None,
            default_variant: None,
            row_version: 1,
            created_at: None,
            updated_at: None,
        }
    }
}

/// What a flag answers while one of its rows does not compile (R6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailMode {
    /// The flag is off.
    #[default]
    Off,
    /// The flag is on.
    On,
    /// The flag answers by the last rows that compiled in this process; off where there were none.
    LastKnown,
}

impl FailMode {
    /// The text in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::On => "on",
            Self::LastKnown => "last_known",
        }
    }

    /// The mode that the table's text names.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Off, Self::On, Self::LastKnown].into_iter().find(|mode| mode.as_str() == text)
    }
}
