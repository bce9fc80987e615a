//! `POST /api/evaluate/{name}`: the decision of a flag for the context in the body, now or at an earlier
//! revision.

use std::collections::BTreeMap;

use axum::extract::State;
use novi::{
    Decision,
    snapshot::{Snapshot, Trace},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    app::{
        AppState,
        extract::{CallerContext, FlagName},
    },
    http::{error::ApiError, reply::Reply},
    manage::{
        history::rows_at,
        request::{moment::Moment, params::Params},
    },
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    /// Evaluate with the rows of this revision or time; default: the current ones.
    at: Option<Moment>,
    /// Whether to return the explanation.
    #[serde(default)]
    explain: bool,
}

/// The decision of a flag.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Evaluation<'a> {
    flag: &'a str,
    enabled: bool,
    variant: Option<&'a str>,
    /// The variant's value, or whether the flag is on.
    value: Value,
    /// OpenFeature's reason.
    reason: &'a str,
    /// The entries of the flag's metadata and of `[metadata]` in the configuration.
    metadata: BTreeMap<&'a str, &'a Value>,
    /// The revision of the rows.
    revision: i64,
    /// Every activation that was evaluated, as a tree.
    explanation: Option<Trace>,
}

pub(crate) async fn evaluate(
    State(state): State<AppState>,
    FlagName(name): FlagName,
    Params(query): Params<Query>,
    CallerContext(context): CallerContext,
) -> Result<Reply<Evaluation<'static>>, ApiError> {
    let past;
    let current;
    let snapshot: &Snapshot = if let Some(Moment(at)) = query.at {
        past = state.flags().snapshot_of(rows_at(&state, at).await?);
        &past
    } else {
        current = state.flags().snapshot();
        &current
    };
    let not_found = |error: novi::Error| ApiError::flag_not_found(&error);
    let explanation =
        query.explain.then(|| snapshot.explain(&name, &context)).transpose().map_err(not_found)?;
    let decision: Decision<_> = snapshot.evaluate(&name, &context).map_err(not_found)?;
    let value = serde_json::to_value(decision.value()).unwrap_or_default();
    Reply::new(&Evaluation {
        flag: decision.flag(),
        enabled: decision.enabled(),
        variant: decision.variant(),
        value,
        reason: decision.reason().as_str(),
        metadata: decision.metadata().collect(),
        revision: snapshot.revision().number(),
        explanation,
    })
}
