//! `POST /api/evaluate/{name}`: what a flag answers the caller whom the body tells of, now or at a past moment.

use axum::extract::State;
use novi::{Decision, Snapshot, Trace};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{history::rows_at, moment::Moment, params::Params};
use crate::{
    error::ApiError,
    extract::{CallerContext, FlagName},
    reply::Answer,
    state::AppState,
};

/// When, and how much is told.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    /// By the rows of this moment; by the present ones if it is not given.
    at: Option<Moment>,
    /// Whether to tell how it comes to the answer.
    #[serde(default)]
    explain: bool,
}

/// What a flag answers.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Evaluation<'a> {
    flag: &'a str,
    enabled: bool,
    variant: Option<&'a str>,
    /// The variant's value, or whether the flag is on.
    value: Value,
    /// Why, in OpenFeature's word.
    reason: &'a str,
    /// The revision of the rows.
    revision: i64,
    /// Every activation that was asked, as a tree.
    explanation: Option<Trace>,
}

pub(crate) async fn evaluate(
    State(state): State<AppState>,
    FlagName(name): FlagName,
    Params(query): Params<Query>,
    CallerContext(context): CallerContext,
) -> Result<Answer<Evaluation<'static>>, ApiError> {
    let past;
    let present;
    let snapshot: &Snapshot = if let Some(Moment(at)) = query.at {
        past = state.flags().snapshot_of(rows_at(&state, at).await?);
        &past
    } else {
        present = state.flags().snapshot();
        &present
    };
    let not_found = |error: novi::Error| ApiError::flag_not_found(&error);
    let explanation =
        query.explain.then(|| snapshot.explain(&name, &context)).transpose().map_err(not_found)?;
    let decision: Decision<_> = snapshot.evaluate(&name, &context).map_err(not_found)?;
    let value = serde_json::to_value(decision.value()).unwrap_or_default();
    Answer::of(&Evaluation {
        flag: decision.flag(),
        enabled: decision.enabled(),
        variant: decision.variant(),
        value,
        reason: decision.reason().as_str(),
        revision: snapshot.revision().number(),
        explanation,
    })
}
