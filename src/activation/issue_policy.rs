//! What of a row is an issue, where a team can decide.

use serde::{Deserialize, Serialize};

use crate::activation::unknown_fields::UnknownFields;

/// What happens if an activation refers to a flag that does not exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MissingFlags {
    /// The flag counts as off, with a warning, until it is created. New rows that refer to missing flags are
    /// rejected all the same.
    #[default]
    Off,
    /// The row is invalid: the flags that depend on it use their fail mode.
    Issue,
}

/// The settings that decide what is an issue.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct IssuePolicy {
    pub(crate) unknown_fields: UnknownFields,
    pub(crate) missing_flags: MissingFlags,
}
