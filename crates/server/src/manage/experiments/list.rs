//! `GET /api/experiments`: the experiments among the rows.

use axum::extract::State;
use novi::builtin::ExperimentState;
use novi_experiments::{ExperimentSummary, experiments};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    app::{AppState, rows::rows},
    http::{error::ApiError, reply::Reply},
    manage::{
        error::store,
        request::params::Params,
        response::page::{Limit, Page, paginate},
    },
};

/// Filters for experiments; all must match.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    limit: Option<Limit>,
    /// `next` of the previous page.
    cursor: Option<String>,
    /// Only experiments in this state.
    state: Option<ExperimentState>,
    /// Only experiments of the flag with this name.
    flag: Option<String>,
    /// Only the experiment with this name.
    name: Option<String>,
}

pub(crate) async fn list(
    State(state): State<AppState>,
    Params(query): Params<Query>,
) -> Result<Reply<Page<ExperimentSummary>>, ApiError> {
    let snapshot = state.flags().snapshot();
    let mut found = experiments(rows(&snapshot)?);
    found.retain(|found| {
        let found_state = found.config.as_ref().ok().map(novi::builtin::ExperimentConfig::state);
        query.state.is_none_or(|wanted| found_state == Some(wanted))
            && query.flag.as_deref().is_none_or(|wanted| found.flags.contains(&wanted))
            && query.name.as_deref().is_none_or(|wanted| found.row.name == wanted)
    });
    // Those that are newest, and running, are at the start.
    found.reverse();
    let total = Some(found.len());
    let (found, next) = paginate(found, Limit::or_default(query.limit), query.cursor.as_deref())?;
    let mut items = Vec::with_capacity(found.len());
    for found in found {
        let units = units(&state, &found.row.name).await;
        items.push(found.summary(units.as_deref()));
    }
    Reply::new(&Page { items, next, revision: snapshot.revision().number(), total })
}

/// The number of units of each variant; `None` while the database is unavailable.
pub(super) async fn units(state: &AppState, experiment: &str) -> Option<Vec<(String, i64)>> {
    let assignments = store(state).await.ok()?.assignment_store()?;
    let counts = assignments.assignment_counts(experiment).await.ok()?;
    Some(counts.into_iter().map(|count| (count.variant, count.units)).collect())
}
