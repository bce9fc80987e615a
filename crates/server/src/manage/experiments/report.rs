//! `GET /api/experiments/{name}`: what an experiment says so far.

use axum::{extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use novi_experiments::{
    By, Database, Experiment, ExperimentError, Report, experiment_of, metrics_of, planned_analysis,
    planned_weights, read_attributes, read_metrics, weight_periods, with_metric_rows,
};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::{runtime::Handle, task::spawn_blocking};

use crate::{
    app::{AppState, extract::FlagName, rows::rows},
    http::{error::ApiError, problem::Problem, reply::Reply},
    manage::{error::store, request::params::Params},
};

/// How many values of an attribute are listed by default.
const BY_VALUES: usize = 5;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    /// The variant that the others are compared with. Default: that of the
    /// experiment's row, `control`, `off`, or the first by name.
    control: Option<String>,
    /// Only exposures from this time on. Default: the start in the experiment's row.
    #[schemars(with = "Option<String>")]
    from: Option<DateTime<Utc>>,
    /// Only exposures and outcomes before this time. Default: the end in the experiment's row, or now.
    #[schemars(with = "Option<String>")]
    until: Option<DateTime<Utc>>,
    /// Also compare the variants by this attribute: `day`, `revision`, or one of a file with attributes.
    by: Option<String>,
    /// How many values of the attribute are listed, from 1 to 100: the most frequent. Default: 5.
    by_values: Option<usize>,
}

pub(crate) async fn report(
    State(state): State<AppState>,
    FlagName(experiment): FlagName,
    Params(query): Params<Query>,
) -> Result<Reply<Report>, ApiError> {
    let options = state.options().experiments.clone();
    if options.database.is_empty() {
        return Err(ApiError::new(StatusCode::NOT_IMPLEMENTED, "no_database", "this server has no database"));
    }
    if let (Some(from), Some(until)) = (query.from, query.until)
        && from >= until
    {
        let error = ExperimentError::Times { from, until };
        return Err(ApiError::invalid(vec![Problem::new("/until", error.to_string())]));
    }
    let snapshot = state.flags().snapshot();
    let rows = rows(&snapshot)?;
    let experiment = experiment_of(rows, &experiment);
    let weights = planned_weights(rows, &experiment);
    let planned = planned_analysis(rows, &experiment);
    // Without the history, as while the database is unavailable, the weights of this moment are compared.
    let periods = match store(&state).await {
        Ok(store) => weight_periods(store, rows, &experiment).await.unwrap_or_default(),
        Err(_) => Vec::new(),
    };
    let ended = planned.as_ref().and_then(|planned| planned.end).filter(|end| *end <= Utc::now());
    let start = planned.as_ref().and_then(|planned| planned.start);
    let control = planned.as_ref().map(|planned| planned.control.clone());
    let wanted = planned.map(|planned| planned.metrics).unwrap_or_default();
    let database = Database::new(&options.database)
        .table_prefix(&options.table_prefix)
        .timeout(state.options().request_timeout);
    let analysis = Experiment::new(database, experiment)
        .control(query.control.or(control))
        .weights(weights)
        .periods(periods)
        .start(query.from.or(start))
        .end(query.until.or(ended));

    let runtime = Handle::current();
    let analyzed = spawn_blocking(move || {
        // There may be no metrics yet: the units are known without them.
        let folder = options.metrics.exists().then_some(options.metrics);
        let metrics = read_metrics(folder.as_slice()).map_err(|error| error.to_string())?;
        let metrics = match snapshot.rows() {
            Some(rows) => with_metric_rows(metrics, rows),
            None => metrics,
        };
        let (metrics, _) = metrics_of(&wanted, metrics);
        let attributes = read_attributes(folder.as_slice()).map_err(|error| error.to_string())?;
        let by = query
            .by
            .iter()
            .map(|name| By::attribute(name, &attributes, query.by_values.unwrap_or(BY_VALUES)));
        let by = by.collect::<Result<Vec<_>, _>>();
        Ok(by.and_then(|by| runtime.block_on(analysis.by(by).report(&metrics))))
    });
    let analyzed = analyzed.await.map_err(|error| ApiError::internal(error.to_string()))?;
    let failed = |message: String| ApiError::new(StatusCode::BAD_GATEWAY, "experiment_failed", message);
    let report = analyzed.map_err(failed)?.map_err(|error| match error {
        ExperimentError::NoUnits(_) => {
            ApiError::new(StatusCode::NOT_FOUND, "experiment_not_found", error.to_string())
        }
        ExperimentError::Control { .. } => {
            ApiError::invalid(vec![Problem::new("/control", error.to_string())])
        }
        ExperimentError::Attribute { .. } => ApiError::invalid(vec![Problem::new("/by", error.to_string())]),
        error => failed(error.to_string()),
    })?;
    Reply::new(&report)
}
