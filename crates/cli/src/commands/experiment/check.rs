//! Whether metrics fit the tables of the application, and experiments the metrics; for `novi check`.

use std::time::Duration;

use novi::rows::Rows;
use novi_experiments::{check_metric, experiments, metrics_of, read_metrics};

use crate::{output::sanitize, session::Session};

/// How long the database may take for each query of a metric.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What is wrong with the metrics in the folder `[experiments] metrics`, and with the names of metrics in experiments.
/// Without such a folder, each metric of an experiment is missing.
pub(in crate::commands) async fn metric_problems(session: &Session, rows: &Rows) -> Vec<String> {
    let folder = session.config.file(&session.config.experiments.metrics).filter(|path| path.exists());
    let metrics = match read_metrics(folder.as_slice()) {
        Ok(metrics) => metrics,
        Err(error) => return vec![error.to_string()],
    };
    let mut problems = Vec::new();
    for found in experiments(rows) {
        let Ok(config) = &found.config else { continue };
        for name in metrics_of(&config.metrics(), metrics.clone()).1 {
            problems.push(format!(
                "experiment {:?}: there is no file {name}.sql in {} for its metric {name:?}: write it, or correct the name",
                found.row.name,
                session.config.experiments.metrics.display()
            ));
        }
    }
    // A snapshot file has no tables.
    if session.snapshot_file().is_some() {
        return problems;
    }
    let database = &session.config.database;
    for metric in &metrics {
        let checked = check_metric(&database.url, &database.table_prefix, metric, TIMEOUT).await;
        let found = checked.unwrap_or_else(|error| vec![error.to_string()]);
        problems.extend(
            found
                .into_iter()
                .map(|problem| sanitize(&format!("{}.sql: {problem}", metric.name)).into_owned()),
        );
    }
    problems
}
