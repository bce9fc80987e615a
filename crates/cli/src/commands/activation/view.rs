//! An activation as `list` and `show` print it.

use std::collections::{BTreeSet, HashMap};

use novi::rows::{ActivationRow, FlagRow, Rows};
use serde::Serialize;
use serde_json::value::RawValue;

/// The JSON of an activation, with the fields of `GET /api/activations/{id}`.
#[derive(Serialize)]
pub(super) struct ActivationView<'a> {
    pub(super) id: i64,
    pub(super) name: &'a str,
    pub(super) class_name: &'a str,
    config: Option<&'a RawValue>,
    /// The text of the row if it is not valid JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    config_text: Option<&'a str>,
    pub(super) words: String,
    /// The ids of the flags that are linked to it.
    flags: Vec<i64>,
    members: usize,
    version: i64,
    #[serde(skip)]
    pub(super) flag_names: Vec<&'a str>,
}

/// The flags that are linked to each activation.
pub(super) struct LinkedFlags<'a>(HashMap<i64, Vec<&'a FlagRow>>);

impl<'a> LinkedFlags<'a> {
    pub(super) fn new(rows: &'a Rows) -> Self {
        let mut flags: HashMap<i64, Vec<&FlagRow>> = HashMap::new();
        for flag in &rows.flags {
            let ids: BTreeSet<i64> =
                rows.links_of(Some(flag.id)).iter().filter_map(|link| link.activation_id).collect();
            for id in ids {
                flags.entry(id).or_default().push(flag);
            }
        }
        Self(flags)
    }
}

impl<'a> ActivationView<'a> {
    pub(super) fn new(
        rows: &'a Rows,
        linked: &LinkedFlags<'a>,
        row: &'a ActivationRow,
        words: String,
    ) -> Self {
        let config = row.config.as_deref();
        let json = config.and_then(|text| serde_json::from_str(text).ok());
        let linked = linked.0.get(&row.id).map_or(&[][..], Vec::as_slice);
        let (flags, flag_names) = linked.iter().map(|flag| (flag.id, flag.name.as_str())).unzip();
        Self {
            id: row.id,
            name: &row.name,
            class_name: &row.class_name,
            config: json,
            config_text: config.filter(|_| json.is_none()),
            words,
            flags,
            members: rows.members_of(row.id).len(),
            version: row.row_version,
            flag_names,
        }
    }
}
