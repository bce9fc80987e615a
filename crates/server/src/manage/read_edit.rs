//! Changes in the JSON of the API, for programs that have the rows themselves.

use std::fmt;

use novi::{rows::Rows, store::Edit};

use crate::{
    http::{error::ApiError, problem::Problem},
    manage::{
        edit::draft::Draft,
        edits::{self, requested},
        request::json_body::JsonBody,
    },
};

/// Reads changes in the JSON that `POST /api/edits` takes: `{"changes": [{"update_flag": {"row": "Combo AND", "set":
/// {"status": true}}}]}`. `rows` are the current ones, which the changes refer to.
///
/// # Errors
/// [`EditError`] if the JSON is invalid, or the rows do not allow a change.
pub fn read_edit(json: &str, rows: &Rows) -> Result<Edit, EditError> {
    let invalid = |error: ApiError| EditError(error.into_problems());
    let mut body: JsonBody<edits::Edit> = JsonBody::parse(json.as_bytes()).map_err(invalid)?;
    let changes = requested(&mut body).map_err(invalid)?;
    let draft = Draft::of(rows, &body.json, &body.problems, &changes);
    if !draft.problems.is_empty() {
        return Err(EditError(draft.problems));
    }
    let outdated: Vec<Problem> = draft.outdated_problems().collect();
    if !outdated.is_empty() {
        return Err(EditError(outdated));
    }
    Ok(draft.edit())
}

/// Why [`read_edit`] rejects changes: a line for each problem, with its place as a JSON pointer.
#[derive(Debug)]
pub struct EditError(Vec<Problem>);

/// A problem of changes that [`read_edit`] rejects.
#[derive(Clone, Copy, Debug)]
pub struct EditProblem<'a> {
    /// The place in the JSON, as a JSON pointer; empty for the whole of it.
    pub pointer: &'a str,
    /// What was expected, and what was found.
    pub message: &'a str,
}

impl EditError {
    /// Every problem.
    pub fn problems(&self) -> impl Iterator<Item = EditProblem<'_>> {
        self.0.iter().map(|Problem { pointer, message, .. }| EditProblem { pointer, message })
    }
}

impl fmt::Display for EditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Problem { pointer, message, .. }) in self.0.iter().enumerate() {
            let line = if index == 0 { "" } else { "\n" };
            let colon = if pointer.is_empty() { "" } else { ": " };
            write!(f, "{line}{pointer}{colon}{message}")?;
        }
        Ok(())
    }
}

impl std::error::Error for EditError {}
