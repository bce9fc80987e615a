//! What the row of an experiment says about its analysis.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use novi::{builtin::ExperimentMetrics, rows::Rows};

use super::list::{CLASS, find_experiment};
use crate::metric::Metric;

/// How the row of an experiment wants it to be analyzed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PlannedAnalysis {
    /// The variant that the others are compared with.
    pub control: String,
    /// The weights of the variants.
    pub weights: BTreeMap<String, f64>,
    /// From when on exposures count.
    pub start: Option<DateTime<Utc>>,
    /// When it ended or will end.
    pub end: Option<DateTime<Utc>>,
    /// The metrics that decide; none means all.
    pub metrics: ExperimentMetrics,
}

/// The analysis that the row of this experiment plans; `None` if it has no row, or an invalid one.
#[must_use]
pub fn planned_analysis(rows: &Rows, experiment: &str) -> Option<PlannedAnalysis> {
    let config = find_experiment(rows, experiment)?.config.ok()?;
    Some(PlannedAnalysis {
        control: config.control().to_owned(),
        weights: config.variants().iter().cloned().collect(),
        start: config.start(),
        end: config.ended(),
        metrics: config.metrics(),
    })
}

/// The metrics of an experiment, primary ones first, and the names of those that do not exist, which are among the metrics
/// as well, with [`Metric::problem`]. All metrics if the experiment names none.
#[must_use]
pub fn metrics_of(wanted: &ExperimentMetrics, metrics: Vec<Metric>) -> (Vec<Metric>, Vec<String>) {
    if wanted.primary.is_empty() && wanted.guardrails.is_empty() {
        return (metrics, Vec::new());
    }
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    let guardrails = wanted.guardrails.iter().filter(|name| !wanted.primary.contains(name));
    for (name, is_guardrail) in
        wanted.primary.iter().map(|name| (name, false)).chain(guardrails.map(|name| (name, true)))
    {
        if let Some(metric) = metrics.iter().find(|metric| metric.name == *name) {
            found.push(Metric { guardrail: is_guardrail || metric.guardrail, ..metric.clone() });
        } else {
            let problem = format!(
                "there is neither a file {name}.sql in the folder of metrics nor a row of novi.metric with this name: write \
                 one, or correct the name in the experiment"
            );
            found.push(Metric { guardrail: is_guardrail, ..Metric::unknown(name, problem) });
            missing.push(name.clone());
        }
    }
    (found, missing)
}

/// The name of the experiment that a flag is linked to.
pub(crate) fn linked_experiment(rows: &Rows, flag: &str) -> Option<String> {
    let flag = rows.flags.iter().find(|row| row.name == flag)?.id;
    let links = rows.links.iter().filter(|link| link.flag_id == Some(flag));
    let mut linked =
        links.filter_map(|link| rows.activations.iter().find(|row| Some(row.id) == link.activation_id));
    linked.find(|row| row.class_name == CLASS).map(|row| row.name.clone())
}
