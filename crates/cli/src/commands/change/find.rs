//! Finds the rows that arguments name.

use novi::{
    Error,
    rows::{ActivationRow, FlagRow, Rows},
};
use novi_match::suggest::most_similar;

use crate::output::Failure;

/// The flag with this name, or with the id of `#3`.
pub(in crate::commands) fn find_flag<'r>(rows: &'r Rows, wanted: &str) -> Result<&'r FlagRow, Failure> {
    if let Some(row) = rows.flags.iter().find(|row| row.name == wanted) {
        return Ok(row);
    }
    if let Some(id) = id_of(wanted) {
        let row = rows.flags.iter().find(|row| row.id == id);
        return row
            .ok_or_else(|| Failure::not_found(format!("no flag has the id {id}")).code("flag_not_found"));
    }
    let similar = most_similar(wanted, rows.flags.iter().map(|row| row.name.as_str()));
    Err(Error::FlagNotFound { name: wanted.to_owned(), similar: similar.map(str::to_owned) }.into())
}

/// The activation with this id, as `3` or `#3`, or the only one with this name.
pub(in crate::commands) fn find_activation<'r>(
    rows: &'r Rows,
    wanted: &str,
) -> Result<&'r ActivationRow, Failure> {
    let by_id = wanted.parse().ok().or_else(|| id_of(wanted));
    if let Some(row) = by_id.and_then(|id| rows.activations.iter().find(|row| row.id == id)) {
        return Ok(row);
    }
    let mut by_name = rows.activations.iter().filter(|row| row.name == wanted);
    match (by_name.next(), by_name.next()) {
        (Some(row), None) => Ok(row),
        (Some(first), Some(second)) => Err(Failure::rejected(format!(
            "several activations are named {wanted:?}; use an id, such as {} or {}",
            first.id, second.id
        ))),
        (None, _) => {
            let similar = most_similar(wanted, rows.activations.iter().map(|row| row.name.as_str()));
            let hint = similar.map(|name| format!("; did you mean {name:?}?")).unwrap_or_default();
            let message = format!("no activation has the id or name {wanted:?}{hint}");
            Err(Failure::not_found(message).code("activation_not_found"))
        }
    }
}

/// The name of the flag that is wanted as `#3`; any other text is a name already.
pub(in crate::commands) fn flag_name(rows: Option<&Rows>, wanted: String) -> Result<String, Failure> {
    match (id_of(&wanted), rows) {
        (Some(_), Some(rows)) => Ok(find_flag(rows, &wanted)?.name.clone()),
        _ => Ok(wanted),
    }
}

fn id_of(wanted: &str) -> Option<i64> {
    wanted.strip_prefix('#')?.parse().ok()
}
