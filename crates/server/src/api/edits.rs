//! `POST /api/edits`: several changes in one transaction, all of them or none.

use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    operation::{Asked, Operation},
    params::Writing,
    perform::{Outcome, Wish, Written},
    problem::Problem,
    row::Changed,
    sent::Sent,
};
use crate::{error::ApiError, state::AppState};

/// How many changes one request may have.
const MOST: usize = 1000;

/// Changes that are made together or not at all.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct Edit {
    /// In the order in which they are made; later ones may be of rows that earlier ones make.
    #[schemars(length(max = 1000))]
    changes: Vec<Operation>,
}

/// Changes that are made.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Edited {
    /// The first revision that has them.
    revision: i64,
    /// The row that each change is about, in their order.
    rows: Vec<EditedRow>,
}

/// A row that was changed.
#[derive(Serialize, JsonSchema)]
struct EditedRow {
    /// `flags` or `activations`
    table: &'static str,
    id: i64,
}

pub(crate) async fn edit(
    State(state): State<AppState>,
    writing: Writing,
    sent: Sent<Edit>,
) -> Result<Changed<Edited>, ApiError> {
    let changes = sent.body.changes;
    if changes.len() > MOST {
        let message = format!("expected at most {MOST} changes, found {}", changes.len());
        return Err(ApiError::invalid(vec![Problem::at("/changes", message)]));
    }
    let asked: Vec<_> =
        changes.into_iter().enumerate().map(|(index, change)| Asked::listed(index, change)).collect();
    let wish =
        Wish { state: &state, writing: &writing, asked: &asked, sent: &sent.json, wrong: &sent.problems };
    match wish.perform().await? {
        Outcome::Planned(plan) => Changed::planned(&plan),
        Outcome::Written(Written { revision, targets, .. }) => {
            let rows = targets.into_iter().map(|(table, id)| EditedRow { table, id }).collect();
            Changed::of(&Edited { revision: revision.number(), rows })
        }
    }
}
