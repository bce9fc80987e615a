//! Deleting a row.

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    app::AppState,
    http::error::ApiError,
    manage::{
        edit::perform::{EditRequest, Outcome, Written},
        request::{
            operation::{Operation, RequestedChange},
            params::EditOptions,
        },
        response::row::Changed,
    },
};

/// The response for a deleted row.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Removed {
    /// The first revision without the row.
    revision: i64,
}

pub(crate) async fn remove(
    state: &AppState,
    options: &EditOptions,
    operation: Operation,
) -> Result<Changed<Removed>, ApiError> {
    let changes = vec![RequestedChange::single(operation)];
    match EditRequest::new(state, options, changes).perform().await? {
        Outcome::Planned(plan) => Changed::planned(&plan),
        Outcome::Written(Written { revision, .. }) => Changed::new(&Removed { revision: revision.number() }),
    }
}
