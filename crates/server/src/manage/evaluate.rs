//! `POST /api/evaluate` and `POST /api/evaluate/{name}`: the decisions of all flags, or of one, for the context in the
//! body, now or at an earlier revision.

use std::collections::BTreeMap;

use axum::extract::State;
use novi::{
    Decision,
    rows::Revision,
    snapshot::{Snapshot, SnapshotGuard, Trace},
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

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AllQuery {
    /// Evaluate with the rows of this revision or time; default: the current ones.
    at: Option<Moment>,
}

/// The decisions of all flags.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Evaluations<'a> {
    /// By id.
    items: Vec<Evaluation<'a>>,
    /// The revision of the rows.
    revision: i64,
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

impl<'a> Evaluation<'a> {
    fn of(decision: &'a Decision<&Snapshot>, revision: Revision, explanation: Option<Trace>) -> Self {
        Self {
            flag: decision.flag(),
            enabled: decision.enabled(),
            variant: decision.variant(),
            value: serde_json::to_value(decision.value()).unwrap_or_default(),
            reason: decision.reason().as_str(),
            metadata: decision.metadata().collect(),
            revision: revision.number(),
            explanation,
        }
    }
}

/// The current rows, compiled, or those of an earlier moment.
enum Rows {
    Current(SnapshotGuard),
    Past(Box<Snapshot>),
}

impl Rows {
    async fn at(state: &AppState, moment: Option<Moment>) -> Result<Self, ApiError> {
        let Some(Moment(at)) = moment else { return Ok(Self::Current(state.flags().snapshot())) };
        Ok(Self::Past(Box::new(state.flags().snapshot_of(rows_at(state, at).await?))))
    }

    fn snapshot(&self) -> &Snapshot {
        match self {
            Self::Current(snapshot) => snapshot,
            Self::Past(snapshot) => snapshot,
        }
    }
}

pub(crate) async fn evaluate(
    State(state): State<AppState>,
    FlagName(name): FlagName,
    Params(query): Params<Query>,
    CallerContext(context): CallerContext,
) -> Result<Reply<Evaluation<'static>>, ApiError> {
    let rows = Rows::at(&state, query.at).await?;
    let snapshot = rows.snapshot();
    let not_found = |error: novi::Error| ApiError::flag_not_found(&error);
    let explanation =
        query.explain.then(|| snapshot.explain(&name, &context)).transpose().map_err(not_found)?;
    let decision = snapshot.evaluate(&name, &context).map_err(not_found)?;
    Reply::new(&Evaluation::of(&decision, snapshot.revision(), explanation))
}

pub(crate) async fn evaluate_all(
    State(state): State<AppState>,
    Params(query): Params<AllQuery>,
    CallerContext(context): CallerContext,
) -> Result<Reply<Evaluations<'static>>, ApiError> {
    let rows = Rows::at(&state, query.at).await?;
    let (snapshot, revision) = (rows.snapshot(), rows.snapshot().revision());
    let decisions = state.evaluate_all(snapshot, &context)?;
    let items = decisions.iter().map(|decision| Evaluation::of(decision, revision, None)).collect();
    Reply::new(&Evaluations { items, revision: revision.number() })
}
