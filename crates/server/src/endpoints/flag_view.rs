//! Flags in the JSON format of the Python original.

use novi::{
    rows::{ActivationRow, FlagRow, Rows},
    snapshot::Snapshot,
};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::{
    app::rows::{flag_not_found, rows},
    http::error::ApiError,
};

/// All flags of a snapshot, by id.
pub(crate) struct FlagList<'a, F> {
    snapshot: &'a Snapshot,
    rows: &'a Rows,
    status: F,
}

impl<'a, F: Fn(usize) -> bool> FlagList<'a, F> {
    /// `status` returns the status of the row with an index.
    pub(crate) fn new(snapshot: &'a Snapshot, rows: &'a Rows, status: F) -> Self {
        Self { snapshot, rows, status }
    }
}

impl<F: Fn(usize) -> bool> Serialize for FlagList<'_, F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rows = self.rows.flags.iter().enumerate();
        serializer.collect_seq(rows.map(|(index, row)| view(self.snapshot, index, row, (self.status)(index))))
    }
}

/// A flag with its activations.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Flag")]
pub(crate) struct FlagView<'a> {
    activations: Vec<ActivationView<'a>>,
    id: i64,
    name: &'a str,
    status: bool,
}

/// An activation. `config` is the text of the row.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Activation")]
struct ActivationView<'a> {
    class_name: &'a str,
    config: Option<&'a str>,
    id: i64,
    name: &'a str,
}

fn view<'a>(snapshot: &'a Snapshot, index: usize, row: &'a FlagRow, status: bool) -> FlagView<'a> {
    let activation = |row: &'a ActivationRow| ActivationView {
        class_name: &row.class_name,
        config: row.config.as_deref(),
        id: row.id,
        name: &row.name,
    };
    let activations = snapshot.activations_of(index).map(activation).collect();
    FlagView { activations, id: row.id, name: &row.name, status }
}

/// The flag with this name and status.
///
/// # Errors
/// 404 if no row has the name, even if an override has it; 500 if the flags do not keep their rows.
pub(crate) fn find_view<'a>(
    snapshot: &'a Snapshot,
    name: &str,
    status: impl FnOnce(&FlagRow) -> bool,
) -> Result<FlagView<'a>, ApiError> {
    let rows = rows(snapshot)?;
    let found = snapshot.row_of(name).and_then(|index| Some((index, rows.flags.get(index)?)));
    match found {
        Some((index, row)) => Ok(view(snapshot, index, row, status(row))),
        None => Err(ApiError::flag_not_found(&flag_not_found(snapshot, rows, name))),
    }
}
