//! `GET /api/contexts`: contexts of recent evaluations.

use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    app::AppState,
    http::{error::ApiError, reply::Reply},
    manage::{request::params::Params, response::page::Limit},
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    limit: Option<Limit>,
}

/// Contexts of recent evaluations.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Contexts {
    /// A random sample, in no order; empty if the server keeps none.
    items: Vec<Value>,
    /// How many contexts the server keeps: `[server] sample_contexts`.
    kept: usize,
}

pub(crate) async fn list(
    State(state): State<AppState>,
    Params(query): Params<Query>,
) -> Result<Reply<Contexts>, ApiError> {
    let contexts = state.sample().contexts();
    let shown = contexts.iter().take(Limit::or_default(query.limit));
    let items = shown.map(|context| serde_json::to_value(context).unwrap_or_default()).collect();
    Reply::new(&Contexts { items, kept: state.options().sample_contexts })
}
