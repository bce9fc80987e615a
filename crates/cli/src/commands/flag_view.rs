//! A flag as `list` and `show` print it.

use std::collections::HashMap;

use novi::{
    rows::{ActivationRow, FailMode, Issue, ValueType},
    snapshot::Snapshot,
};
use serde::Serialize;
use serde_json::{Value, value::RawValue};

/// The JSON of a flag: the fields of `GET /flags/{name}`, and its metadata.
#[derive(Serialize)]
pub(super) struct FlagView<'a> {
    pub(super) id: i64,
    pub(super) name: &'a str,
    pub(super) status: bool,
    pub(super) activations: Vec<ActivationView<'a>>,
    pub(super) description: Option<&'a str>,
    pub(super) owner: Option<&'a str>,
    pub(super) expires_at: Option<String>,
    pub(super) tags: &'a [String],
    /// The text of the row if it is not valid JSON.
    pub(super) variants: Value,
    pub(super) value_type: Option<ValueType>,
    pub(super) default_variant: Option<&'a str>,
    pub(super) off_variant: Option<&'a str>,
    /// The text of the row if it is not valid JSON.
    pub(super) metadata: Value,
    pub(super) override_allowed: bool,
    pub(super) exposed: bool,
    pub(super) fail_mode: FailMode,
    pub(super) version: i64,
    pub(super) issues: Vec<&'a Issue>,
}

#[derive(Serialize)]
pub(super) struct ActivationView<'a> {
    pub(super) id: i64,
    pub(super) name: &'a str,
    pub(super) class_name: &'a str,
    config: Option<&'a RawValue>,
    /// The text of the row if it is not valid JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    config_text: Option<&'a str>,
    pub(super) version: i64,
    /// The config as the row has it.
    #[serde(skip)]
    pub(super) text: Option<&'a str>,
}

/// The issues of each broken flag. Searching all issues for each flag would take quadratic time.
pub(super) type IssuesByFlag<'a> = HashMap<&'a str, Vec<&'a Issue>>;

pub(super) fn issues_by_flag(snapshot: &Snapshot) -> IssuesByFlag<'_> {
    let mut issues = IssuesByFlag::new();
    for issue in snapshot.issues() {
        for flag in &issue.flags {
            issues.entry(flag).or_default().push(issue);
        }
    }
    issues
}

impl<'a> FlagView<'a> {
    /// The flag in this row; `None` if there are fewer rows.
    pub(super) fn new(snapshot: &'a Snapshot, row: usize, issues: &IssuesByFlag<'a>) -> Option<Self> {
        let activations = snapshot.activations_of(row).map(ActivationView::new).collect();
        let row = snapshot.rows()?.flags.get(row)?;
        let metadata = &row.metadata;
        let json = |text: &Option<String>| {
            text.as_deref().map_or(Value::Null, |text| {
                serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
            })
        };
        Some(Self {
            id: row.id,
            name: &row.name,
            status: row.status,
            activations,
            description: metadata.description.as_deref(),
            owner: metadata.owner.as_deref(),
            expires_at: metadata.expires_at.map(|time| time.to_rfc3339()),
            tags: &metadata.tags,
            variants: json(&metadata.variants),
            value_type: metadata.value_type,
            default_variant: metadata.default_variant.as_deref(),
            off_variant: metadata.off_variant.as_deref(),
            metadata: json(&metadata.metadata),
            override_allowed: metadata.override_allowed,
            exposed: metadata.exposed,
            fail_mode: metadata.fail_mode,
            version: metadata.row_version,
            issues: issues.get(row.name.as_str()).cloned().unwrap_or_default(),
        })
    }

    pub(super) fn state(&self) -> &'static str {
        if self.status { "on" } else { "off" }
    }
}

impl<'a> ActivationView<'a> {
    fn new(row: &'a ActivationRow) -> Self {
        let text = row.config.as_deref();
        let config = text.and_then(|text| serde_json::from_str(text).ok());
        Self {
            id: row.id,
            name: &row.name,
            class_name: &row.class_name,
            config,
            config_text: text.filter(|_| config.is_none()),
            version: row.row_version,
            text,
        }
    }
}
