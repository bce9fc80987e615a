//! `GET /api/metrics`: the metrics of files and rows.

use axum::extract::State;
use novi_experiments::{Metric, metric_rows, read_metrics, with_metric_rows};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::task::spawn_blocking;

use crate::{
    app::{AppState, rows::rows},
    http::{error::ApiError, reply::Reply},
};

/// A metric of experiments.
#[derive(Serialize, JsonSchema)]
pub(crate) struct KnownMetric {
    /// The activation whose row it is; null for the metric of a file.
    id: Option<i64>,
    /// Why it cannot be used.
    problem: Option<String>,
    /// The metric.
    #[serde(flatten)]
    metric: Metric,
}

/// All metrics, by name.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Metrics {
    items: Vec<KnownMetric>,
    /// The revision of the rows.
    revision: i64,
}

pub(crate) async fn list(State(state): State<AppState>) -> Result<Reply<Metrics>, ApiError> {
    let snapshot = state.flags().snapshot();
    let rows = rows(&snapshot)?;
    let folder = state.options().experiments.metrics.clone();
    let read = move || {
        let folder = folder.exists().then_some(folder);
        read_metrics(folder.as_slice()).map_err(|error| error.to_string())
    };
    let files = spawn_blocking(read).await.map_err(|error| ApiError::internal(error.to_string()))?;
    let metrics = with_metric_rows(files.map_err(ApiError::internal)?, rows);
    let item = |metric: Metric| KnownMetric {
        id: metric_rows(rows).find(|row| row.name == metric.name).map(|row| row.id),
        problem: metric.problem.clone(),
        metric,
    };
    let items = metrics.into_iter().map(item).collect();
    Reply::new(&Metrics { items, revision: snapshot.revision().number() })
}
