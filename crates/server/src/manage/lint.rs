//! `GET /api/lint`: rows that are valid, and probably not meant so.

use axum::extract::State;
use novi_lint::{Finding, findings};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    app::{AppState, rows::rows},
    http::{error::ApiError, reply::Reply},
    manage::{
        request::params::Params,
        response::page::{Limit, Page, paginate},
    },
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    limit: Option<Limit>,
    /// `next` of the previous page.
    cursor: Option<String>,
}

pub(crate) async fn list(
    State(state): State<AppState>,
    Params(query): Params<Query>,
) -> Result<Reply<Page<Finding>>, ApiError> {
    let snapshot = state.flags().snapshot();
    let found = findings(state.flags(), &snapshot, rows(&snapshot)?);
    let total = found.len();
    let (items, next) = paginate(found, Limit::or_default(query.limit), query.cursor.as_deref())?;
    Reply::new(&Page { items, total: Some(total), next, revision: snapshot.revision().number() })
}
