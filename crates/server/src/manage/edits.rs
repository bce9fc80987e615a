//! `POST /api/edits`: several changes in one transaction.

use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    app::AppState,
    http::{error::ApiError, problem::Problem},
    manage::{
        edit::perform::{EditRequest, Outcome, Written},
        request::{
            json_body::JsonBody,
            operation::{Operation, RequestedChange},
            params::EditOptions,
        },
        response::row::Changed,
    },
};

/// The most changes of one request.
const MOST_CHANGES: usize = 1000;

/// Changes that are made together or not at all.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct Edit {
    /// Made in this order. A change may refer to rows that previous ones create.
    #[schemars(length(max = 1000))]
    changes: Vec<Operation>,
}

/// The response for changes that are written.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Edited {
    /// The first revision with the changes.
    revision: i64,
    /// The row of each change, in their order.
    rows: Vec<EditedRow>,
}

/// A changed row.
#[derive(Serialize, JsonSchema)]
struct EditedRow {
    /// `flags` or `activations`
    table: &'static str,
    id: i64,
}

/// The changes of a body, which loses them.
///
/// # Errors
/// 422 if there are too many.
pub(crate) fn requested(body: &mut JsonBody<Edit>) -> Result<Vec<RequestedChange>, ApiError> {
    let operations = std::mem::take(&mut body.value.changes);
    if operations.len() > MOST_CHANGES {
        let message = format!("expected at most {MOST_CHANGES} changes, found {}", operations.len());
        return Err(ApiError::invalid(vec![Problem::new("/changes", message)]));
    }
    let numbered = operations.into_iter().enumerate();
    Ok(numbered.map(|(index, operation)| RequestedChange::listed(index, operation)).collect())
}

pub(crate) async fn edit(
    State(state): State<AppState>,
    options: EditOptions,
    mut body: JsonBody<Edit>,
) -> Result<Changed<Edited>, ApiError> {
    let changes = requested(&mut body)?;
    match EditRequest::new(&state, &options, changes).with_body(&body).perform().await? {
        Outcome::Planned(plan) => Changed::planned(&plan),
        Outcome::Written(Written { revision, targets, .. }) => {
            let rows = targets.into_iter().map(|(table, id)| EditedRow { table, id }).collect();
            Changed::new(&Edited { revision: revision.number(), rows })
        }
    }
}
