//! Flags as the Python original writes them in JSON.

use novi::{
    Context, Error, Snapshot,
    rows::{ActivationRow, FlagRow, Rows},
};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::error::ApiError;

/// Flags with their statuses, in the order of their ids.
pub(crate) struct List<'a, F> {
    snapshot: &'a Snapshot,
    rows: &'a Rows,
    status: F,
}

impl<'a, F: Fn(usize) -> bool> List<'a, F> {
    /// All flags of a snapshot; `status` gives that of the row with an index.
    pub(crate) fn new(snapshot: &'a Snapshot, rows: &'a Rows, status: F) -> Self {
        Self { snapshot, rows, status }
    }
}

impl<F: Fn(usize) -> bool> Serialize for List<'_, F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rows = self.rows.flags.iter().enumerate();
        serializer.collect_seq(rows.map(|(index, row)| view(self.snapshot, index, row, (self.status)(index))))
    }
}

/// The rows of a snapshot.
///
/// # Errors
/// They are not kept.
pub(crate) fn rows(snapshot: &Snapshot) -> Result<&Rows, ApiError> {
    snapshot.rows().ok_or_else(ApiError::rows_not_kept)
}

/// A flag, with the activations that it is linked to.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Flag")]
pub(crate) struct FlagView<'a> {
    activations: Vec<ActivationView<'a>>,
    id: i64,
    name: &'a str,
    status: bool,
}

/// An activation; the config is the text that the row holds.
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

/// The flag with this name; `status` gives its status.
///
/// # Errors
/// No row has the name (a flag that only an override has is no row), or rows are not kept.
pub(crate) fn find<'a>(
    snapshot: &'a Snapshot,
    name: &str,
    status: impl FnOnce(&FlagRow) -> bool,
) -> Result<FlagView<'a>, ApiError> {
    let rows = rows(snapshot)?;
    let found = snapshot.row_of(name).and_then(|index| Some((index, rows.flags.get(index)?)));
    match found {
        Some((index, row)) => Ok(view(snapshot, index, row, status(row))),
        None => Err(ApiError::flag_not_found(&missing(snapshot, rows, name))),
    }
}

/// Says which name is like it.
pub(crate) fn missing(snapshot: &Snapshot, rows: &Rows, name: &str) -> Error {
    // Looking for a name that is like it takes time by the number of flags, and anybody can ask.
    const MOST_FLAGS: usize = 1000;
    let plain = || Error::FlagNotFound { name: name.to_owned(), similar: None };
    if rows.flags.len() > MOST_FLAGS {
        return plain();
    }
    snapshot.evaluate(name, &Context::new()).err().unwrap_or_else(plain)
}
