//! The rows of the three core tables, of `flag_metadata` and of `activation_members`, as a store reads them.
//!
//! Rows are what the database has, valid or not. A column that could not be read is noted in
//! [`FlagRow::faults`], [`ActivationRow::faults`] or [`MemberRow::fault`], so that only the flags that need
//! the row are affected.

pub(crate) mod conflict;
pub(crate) mod expired;
pub(crate) mod issue;
pub(crate) mod metadata;
pub(crate) mod violation;

pub use conflict::Conflict;
pub use expired::{ExpiredFlag, ExpiryPolicy};
pub use issue::Issue;
pub use metadata::ClientMetadata;
use std::{borrow::Cow, fmt};

use chrono::{DateTime, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
pub use violation::{Violation, ViolationKind};

/// A state of the rows: a number, which people see, and a stamp, which tells two states with one number
/// apart.
///
/// Compare revisions with `!=` only. After a restore or a fail-over the database may have a lower number, or
/// other rows under the same one. Text, JSON and records of the history have the number only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "i64", into = "i64")]
pub struct Revision {
    number: i64,
    stamp: i64,
}

impl Revision {
    /// The revision with this number.
    #[must_use]
    pub const fn new(number: i64) -> Self {
        Self { number, stamp: 0 }
    }

    /// The same number with a stamp.
    #[must_use]
    pub const fn stamped(self, stamp: i64) -> Self {
        Self { stamp, ..self }
    }

    /// The number, as the table `novi_revision` has it.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.number
    }

    /// The random number that the database drew when it reached this revision; 0 for rows in memory.
    #[must_use]
    pub const fn stamp(self) -> i64 {
        self.stamp
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number.fmt(f)
    }
}

impl From<i64> for Revision {
    fn from(number: i64) -> Self {
        Self::new(number)
    }
}

impl From<Revision> for i64 {
    fn from(revision: Revision) -> Self {
        revision.number
    }
}

impl JsonSchema for Revision {
    fn schema_name() -> Cow<'static, str> {
        "Revision".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The number of a state of the rows. After a restore or a fail-over it may be lower.",
            "type": "integer",
            "format": "int64",
        })
    }
}

/// All rows of one revision.
///
/// Rows can be deserialized, from a file for example; metadata and configs may be left out:
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
    /// The revision of these rows.
    pub revision: Revision,
    /// Table `flags`, with `flag_metadata` beside each row.
    pub flags: Vec<FlagRow>,
    /// Table `activations`.
    pub activations: Vec<ActivationRow>,
    /// Table `flags_activations`.
    pub links: Vec<LinkRow>,
    /// Table `activation_members`.
    pub members: Vec<MemberRow>,
    /// The highest ids that rows had, deleted ones included, as far as the store knows them.
    #[serde(skip)]
    pub used_ids: UsedIds,
}

/// The highest ids that flags and activations had. A new row gets a higher one, so that the history of a deleted row
/// is never that of another.
///
/// All values are equal: rows do not differ by what was deleted.
#[derive(Clone, Copy, Debug, Default)]
pub struct UsedIds {
    /// `flags.id`; 0 if none is known.
    pub flags: i64,
    /// `activations.id`; 0 if none is known.
    pub activations: i64,
}

impl PartialEq for UsedIds {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl UsedIds {
    /// The higher ids of both.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self { flags: self.flags.max(other.flags), activations: self.activations.max(other.activations) }
    }
}

impl Rows {
    /// The highest ids of these rows and of deleted ones; 0 if there are none.
    #[must_use]
    pub fn highest_ids(&self) -> UsedIds {
        let flags = self.flags.iter().map(|row| row.id).max().unwrap_or_default();
        let activations = self.activations.iter().map(|row| row.id).max().unwrap_or_default();
        self.used_ids.max(UsedIds { flags, activations }).max(UsedIds::default())
    }

    /// The links of a flag. Links must be sorted by flag, as those of a snapshot are.
    #[must_use]
    pub fn links_of(&self, flag: Option<i64>) -> &[LinkRow] {
        let start = self.links.partition_point(|link| link.flag_id < flag);
        let after = self.links.get(start..).unwrap_or_default();
        let count = after.partition_point(|link| link.flag_id == flag);
        after.get(..count).unwrap_or_default()
    }

    /// The members of an activation. Members must be sorted by activation, as those of a snapshot are.
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
    /// `false` turns the flag off, whatever its activations say.
    pub status: bool,
    /// The row of `flag_metadata`, or the defaults without one.
    #[serde(default)]
    pub metadata: FlagMetadata,
    /// The columns that could not be read.
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
    /// The registered type: its class name or one of its aliases.
    pub class_name: String,
    /// The settings of the type, as JSON text; `None` is SQL's null.
    pub config: Option<String>,
    /// Counts the changes of the activation and its members (`activation_metadata`); an edit names the
    /// version that its author has read.
    #[serde(default = "first_version")]
    pub row_version: i64,
    /// The columns that could not be read.
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

/// A row of `flags_activations`. Both ends are nullable in tables of Python novi.
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

/// A row of `activation_members`: one member of an activation's list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberRow {
    /// `activations.id`
    pub activation_id: i64,
    /// The value, such as a user's id.
    pub member: String,
    /// Whether the member is denied, and not allowed.
    #[serde(default)]
    pub denied: bool,
    /// The column that could not be read. Boxed, since there may be millions of rows, and hardly any has a
    /// fault.
    #[serde(skip)]
    pub fault: Option<Box<Fault>>,
}

impl MemberRow {
    /// A member that an activation allows.
    #[must_use]
    pub fn allowed(activation_id: i64, member: impl Into<String>) -> Self {
        Self { activation_id, member: member.into(), ..Self::default() }
    }

    /// A member that an activation denies.
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

/// The metadata of a flag (`flag_metadata`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FlagMetadata {
    /// What the flag is for.
    pub description: Option<String>,
    /// The owner: names or addresses.
    pub owner: Option<String>,
    /// When the flag should be removed from the code.
    pub expires_at: Option<DateTime<Utc>>,
    /// Labels, a JSON array in the table.
    pub tags: Vec<String>,
    /// Whether a request may override the flag.
    pub override_allowed: bool,
    /// Whether callers with a client token may see and evaluate the flag.
    pub exposed: bool,
    /// The state of the flag while one of its rows is invalid.
    pub fail_mode: FailMode,
    /// Variant names and their values: a JSON object, as text. Or an integer from 1 to 1000: then the flag
    /// has that many versions, which are variants with the names `1`, `2` and so on.
    pub variants: Option<String>,
    /// The type of the values. `None` for values of any types, as they are. If `variants` has no values, the
    /// values of [`ValueType::String`] are the names of the variants.
    pub value_type: Option<ValueType>,
    /// The variant if no activation assigns one.
    pub default_variant: Option<String>,
    /// The variant while the status is off: the flag is off, and has the value of this variant.
    pub off_variant: Option<String>,
    /// What the team notes for clients: a flat JSON object of strings, numbers and booleans, as text. Each
    /// decision has it.
    pub metadata: Option<String>,
    /// Counts the changes of the flag; an edit names the version that its author has read.
    pub row_version: i64,
    /// When the flag was created.
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
            value_type: None,
            default_variant: None,
            off_variant: None,
            metadata: None,
            row_version: 1,
            created_at: None,
            updated_at: None,
        }
    }
}

/// The type of a flag's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ValueType {
    /// `true` and `false`.
    Boolean,
    /// Strings.
    String,
    /// Integers; 7.0 is one.
    Integer,
    /// Numbers. Clients get all of them with a fraction: 7 as 7.0.
    Number,
    /// JSON objects and lists.
    Object,
    /// Values of any type, also `null`.
    Any,
}

impl ValueType {
    const ALL: [Self; 6] =
        [Self::Boolean, Self::String, Self::Integer, Self::Number, Self::Object, Self::Any];

    /// The name, as in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Object => "object",
            Self::Any => "any",
        }
    }

    /// Parses the name of a type.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// The value as one of this type; `None` if it has another type.
    pub(crate) fn convert(self, value: serde_json::Value) -> Option<serde_json::Value> {
        match self {
            Self::Boolean => value.is_boolean(),
            Self::String => value.is_string(),
            Self::Integer => return integer(value),
            Self::Number => return Some(value.as_f64()?.into()),
            Self::Object => value.is_object() || value.is_array(),
            Self::Any => true,
        }
        .then_some(value)
    }
}

/// An integer, also if it is written with a fraction of 0.
fn integer(value: serde_json::Value) -> Option<serde_json::Value> {
    /// All smaller integers are floats as well.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.is_i64() || value.is_u64() {
        return Some(value);
    }
    let number = value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() <= EXACT)?;
    #[expect(clippy::cast_possible_truncation, reason = "an integer of at most 53 bits")]
    Some((number as i64).into())
}

/// The state of a flag while one of its rows is invalid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailMode {
    /// The flag is off.
    #[default]
    Off,
    /// The flag is on.
    On,
    /// The flag is evaluated from the last valid rows in this process; off if there were none.
    LastKnown,
}

impl FailMode {
    /// The name, as in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::On => "on",
            Self::LastKnown => "last_known",
        }
    }

    /// Parses the name of a mode.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Off, Self::On, Self::LastKnown].into_iter().find(|mode| mode.as_str() == text)
    }
}
