//! Whether metrics fit the tables of the application, and experiments the metrics; for `novi check`.

use std::time::Duration;

use novi::rows::Rows;
use novi_experiments::{Metric, check_metric, experiments, metric_rows, metrics_of};

use super::guard::{database, metrics};
use crate::{output::sanitize, session::Session};

/// How long the database may take for each query of a metric.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What is wrong with a metric, from the database.
pub(in crate::commands) async fn problems_of_metric(session: &Session, metric: &Metric) -> Vec<String> {
    let checked = check_metric(&database(&session.config, Some(TIMEOUT)), metric).await;
    checked.unwrap_or_else(|error| vec![error.to_string()])
}

/// What is wrong with the metrics in the folder `[experiments] metrics` and of rows, and with the names of metrics in experiments.
pub(in crate::commands) async fn metric_problems(session: &Session, rows: &Rows) -> Vec<String> {
    let metrics = match metrics(&session.config, rows, &[]) {
        Ok(metrics) => metrics,
        Err(error) => return vec![error],
    };
    let mut problems = Vec::new();
    for found in experiments(rows) {
        let Ok(config) = &found.config else { continue };
        for name in metrics_of(&config.metrics(), metrics.clone()).1 {
            problems.push(format!(
                "experiment {:?}: there is neither a file {name}.sql in {} nor a row of novi.metric for its metric {name:?}: \
                 write one, or correct the name",
                found.row.name,
                session.config.experiments.metrics.display()
            ));
        }
    }
    // A snapshot file has no tables.
    if session.snapshot_file().is_some() {
        return problems;
    }
    let place = |metric: &Metric| match metric_rows(rows).find(|row| row.name == metric.name) {
        Some(row) => format!("metric {:?} (activation {})", row.name, row.id),
        None => format!("{}.sql", metric.name),
    };
    for metric in &metrics {
        let found = problems_of_metric(session, metric).await;
        problems.extend(
            found.into_iter().map(|problem| sanitize(&format!("{}: {problem}", place(metric))).into_owned()),
        );
    }
    problems
}
