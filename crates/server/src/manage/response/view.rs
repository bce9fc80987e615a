//! Flags and activations in the format of the management endpoints.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use novi::{
    activation::{Registry, Words},
    rows::{ActivationRow, FailMode, FlagRow, Revision, Rows, ValueType},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::{
    app::rows::{find_activation, find_flag},
    http::error::ApiError,
    manage::response::row::Row,
};

/// A flag with its metadata and the ids of its activations.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ManagedFlag")]
pub(crate) struct FlagDetail<'a> {
    id: i64,
    name: &'a str,
    status: bool,
    description: Option<&'a str>,
    owner: Option<&'a str>,
    #[schemars(with = "Option<String>")]
    expires_at: Option<DateTime<Utc>>,
    tags: &'a [String],
    override_allowed: bool,
    /// Whether holders of client tokens may evaluate the flag.
    exposed: bool,
    fail_mode: FailMode,
    /// Values by variant name, or a number of versions.
    variants: Json<'a>,
    /// The raw text of the column, if it is not JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    variants_text: Option<&'a str>,
    /// The type of the values; null for any.
    value_type: Option<ValueType>,
    default_variant: Option<&'a str>,
    off_variant: Option<&'a str>,
    /// What clients get with each decision.
    metadata: Json<'a>,
    /// The raw text of the column, if it is not JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata_text: Option<&'a str>,
    /// The ids of the linked activations, in the order of evaluation.
    activations: Vec<i64>,
    /// For which callers the flag is on while its status is on, in words; absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    /// Counts the changes of the flag; also the `ETag`.
    version: i64,
    #[schemars(with = "Option<String>")]
    created_at: Option<DateTime<Utc>>,
    #[schemars(with = "Option<String>")]
    updated_at: Option<DateTime<Utc>>,
    /// The revision of the rows; absent in lists, which have one for all items.
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<i64>,
}

/// An activation.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ManagedActivation")]
pub(crate) struct ActivationDetail<'a> {
    id: i64,
    name: &'a str,
    class_name: &'a str,
    /// The config; null if the row has none, or if it is not JSON.
    config: Json<'a>,
    /// The raw text of the column, if it is not JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    config_text: Option<&'a str>,
    /// What the activation requires, in words; absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<String>,
    /// The ids of the linked flags.
    flags: Vec<i64>,
    /// The number of members.
    members: usize,
    /// Counts the changes of the activation and its members; also the `ETag`.
    version: i64,
    /// The revision of the rows; absent in lists, which have one for all items.
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<i64>,
}

/// JSON, byte for byte as the row has it.
pub(crate) struct Json<'a>(Option<&'a RawValue>);

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl JsonSchema for Json<'_> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Json".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({})
    }
}

/// The JSON of a text, or the text itself if it is not JSON.
fn parse_json(text: Option<&str>) -> (Json<'_>, Option<&str>) {
    let json = text.and_then(|text| serde_json::from_str::<&RawValue>(text).ok());
    let is_none = json.is_none();
    (Json(json), text.filter(|_| is_none))
}

/// The flag with its links.
pub(crate) fn flag_detail<'a>(rows: &'a Rows, row: &'a FlagRow) -> FlagDetail<'a> {
    let metadata = &row.metadata;
    let (variants, variants_text) = parse_json(metadata.variants.as_deref());
    let (own, own_text) = parse_json(metadata.metadata.as_deref());
    let mut activations: Vec<i64> =
        rows.links_of(Some(row.id)).iter().filter_map(|link| link.activation_id).collect();
    activations.sort_unstable();
    activations.dedup();
    FlagDetail {
        id: row.id,
        name: &row.name,
        status: row.status,
        description: metadata.description.as_deref(),
        owner: metadata.owner.as_deref(),
        expires_at: metadata.expires_at,
        tags: &metadata.tags,
        override_allowed: metadata.override_allowed,
        exposed: metadata.exposed,
        fail_mode: metadata.fail_mode,
        variants,
        variants_text,
        value_type: metadata.value_type,
        default_variant: metadata.default_variant.as_deref(),
        off_variant: metadata.off_variant.as_deref(),
        metadata: own,
        metadata_text: own_text,
        activations,
        rule: None,
        version: metadata.row_version,
        created_at: metadata.created_at,
        updated_at: metadata.updated_at,
        revision: None,
    }
}

/// The ids of the linked flags, by activation.
pub(crate) struct LinkedFlags(HashMap<i64, Vec<i64>>);

impl LinkedFlags {
    pub(crate) fn new(rows: &Rows) -> Self {
        let mut flags: HashMap<i64, Vec<i64>> = HashMap::new();
        for link in &rows.links {
            if let (Some(flag), Some(activation)) = (link.flag_id, link.activation_id) {
                flags.entry(activation).or_default().push(flag);
            }
        }
        Self(flags)
    }

    pub(crate) fn to(&self, activation: i64) -> &[i64] {
        self.0.get(&activation).map_or(&[], Vec::as_slice)
    }
}

/// The activation with its links.
pub(crate) fn activation_detail<'a>(
    rows: &'a Rows,
    linked: &LinkedFlags,
    row: &'a ActivationRow,
) -> ActivationDetail<'a> {
    let (config, config_text) = parse_json(row.config.as_deref());
    let mut flags = linked.to(row.id).to_vec();
    flags.dedup();
    ActivationDetail {
        id: row.id,
        name: &row.name,
        class_name: &row.class_name,
        config,
        config_text,
        words: None,
        flags,
        members: rows.members_of(row.id).len(),
        version: row.row_version,
        revision: None,
    }
}

/// A flag or an activation.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum RowDetail<'a> {
    Flag(FlagDetail<'a>),
    Activation(ActivationDetail<'a>),
}

impl<'a> RowDetail<'a> {
    /// The row of `flags` or `activations` with this id, with its words.
    pub(crate) fn find(rows: &'a Rows, registry: &Registry, table: &str, id: i64) -> Option<Self> {
        let words = Words::new(registry, rows);
        if table == "flags" {
            let flag = flag_detail(rows, find_flag(rows, id)?);
            return Some(Self::Flag(FlagDetail { rule: Some(words.rule(id)), ..flag }));
        }
        let row = find_activation(rows, id)?;
        let activation = activation_detail(rows, &LinkedFlags::new(rows), row);
        let words = Some(words.activation(row).words);
        Some(Self::Activation(ActivationDetail { words, ..activation }))
    }

    /// The response with this row.
    pub(crate) fn into_row<T>(mut self, revision: Revision) -> Result<Row<T>, ApiError> {
        let (version, at) = match &mut self {
            Self::Flag(row) => (row.version, &mut row.revision),
            Self::Activation(row) => (row.version, &mut row.revision),
        };
        *at = Some(revision.number());
        Row::new(&self, version)
    }
}
