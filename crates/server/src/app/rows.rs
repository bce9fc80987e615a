//! The rows of a snapshot.

use novi::{
    Context, Error,
    rows::{ActivationRow, FlagRow, Rows},
    snapshot::Snapshot,
};

use crate::http::error::ApiError;

/// The rows of a snapshot.
///
/// # Errors
/// 500 if the flags do not keep their rows.
pub(crate) fn rows(snapshot: &Snapshot) -> Result<&Rows, ApiError> {
    snapshot.rows().ok_or_else(ApiError::rows_not_kept)
}

/// The error for an unknown flag, with a similar name if there is one.
pub(crate) fn flag_not_found(snapshot: &Snapshot, rows: &Rows, name: &str) -> Error {
    // The search for a similar name takes time by the number of flags, and every caller can cause it.
    const MOST_FLAGS: usize = 1000;
    let plain = || Error::FlagNotFound { name: name.to_owned(), similar: None };
    if rows.flags.len() > MOST_FLAGS {
        return plain();
    }
    snapshot.evaluate(name, &Context::new()).err().unwrap_or_else(plain)
}

/// The flag with an id. Rows are sorted by id.
pub(crate) fn find_flag(rows: &Rows, id: i64) -> Option<&FlagRow> {
    rows.flags.binary_search_by_key(&id, |row| row.id).ok().and_then(|index| rows.flags.get(index))
}

/// The activation with an id.
pub(crate) fn find_activation(rows: &Rows, id: i64) -> Option<&ActivationRow> {
    let index = rows.activations.binary_search_by_key(&id, |row| row.id).ok()?;
    rows.activations.get(index)
}
