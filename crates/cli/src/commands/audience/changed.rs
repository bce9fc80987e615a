//! A change that is not made, of a file.

use std::path::{Path, PathBuf};

use novi::{rows::Rows, store::Edit};

use crate::{
    commands::{
        change::Current,
        files::{Comparison, read_document},
    },
    output::Failure,
    session::{Session, read_input},
};

/// The change that a file describes: flags as for `novi apply`, or the JSON of `POST /api/edits`.
pub(super) fn changed(file: &Path, session: &Session, rows: Rows) -> Result<Edit, Failure> {
    let is_json = file.extension().is_some_and(|extension| extension == "json");
    if is_json {
        let text = read_input(file).map_err(|error| Failure::file(file.display(), &error))?;
        let text = text.trim_start_matches('\u{feff}');
        let is_edit =
            serde_json::from_str::<serde_json::Value>(text).is_ok_and(|json| json.get("changes").is_some());
        if is_edit {
            return novi_server::read_edit(text, &rows)
                .map_err(|error| Failure::usage(format!("{}: {error}", file.display())));
        }
    }
    let document = read_document(&[PathBuf::from(file)])?;
    if document.flags.is_empty() && document.activations.is_empty() {
        let name = file.display();
        return Err(Failure::usage(format!("{name}: expected flags or changes, found neither")));
    }
    let compared = Comparison::of(Current::of_rows(session, rows)?, &document, false)?;
    Ok(compared.edit)
}
