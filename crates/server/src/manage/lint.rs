//! `GET /api/lint`: rows that are valid, and probably not meant so.

use axum::extract::State;
use novi_lint::Finding;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    app::AppState,
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
    let (found, revision) = state.noticed().findings(state.flags()).await?;
    let all: Vec<&Finding> = found.iter().collect();
    let (items, next) = paginate(all, Limit::or_default(query.limit), query.cursor.as_deref())?;
    Reply::new(&Page { items, total: Some(found.len()), next, revision: revision.number() })
}
