//! What is noticed about experiments, between rows.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, SecondsFormat, Utc};
use novi::{
    builtin::{ExperimentConfig, ExperimentState},
    rows::{ActivationRow, Rows},
};

use crate::finding::Finding;

/// The class of the rows.
pub(crate) const CLASS: &str = "novi.experiment";

/// An experiment that is valid.
struct Experiment<'r> {
    row: &'r ActivationRow,
    config: ExperimentConfig,
}

/// The findings of experiments. Those with these ids are invalid, which is an issue.
pub(crate) fn findings(rows: &Rows, invalid: &HashSet<i64>, now: DateTime<Utc>) -> Vec<Finding> {
    let rows = rows.activations.iter().filter(|row| row.class_name == CLASS && !invalid.contains(&row.id));
    let experiments: Vec<Experiment<'_>> = rows
        .filter_map(|row| {
            let config = ExperimentConfig::parse(row.config.as_deref().unwrap_or_default()).ok()?;
            Some(Experiment { row, config })
        })
        .collect();
    let mut findings = same_names(&experiments);
    findings.extend(overlaps(&experiments));
    findings.extend(holdouts(&experiments));
    findings.extend(hashes(&experiments));
    findings.extend(experiments.iter().filter_map(|experiment| over(experiment, now)));
    findings
}

fn of(experiment: &Experiment<'_>, code: &'static str, message: String) -> Finding {
    Finding::new("activations", experiment.row.id, &experiment.row.name, code, message)
}

fn same_names(experiments: &[Experiment<'_>]) -> Vec<Finding> {
    let mut first: BTreeMap<&str, i64> = BTreeMap::new();
    let mut findings = Vec::new();
    for experiment in experiments {
        let known = *first.entry(&experiment.row.name).or_insert(experiment.row.id);
        if known != experiment.row.id {
            let message = format!("activations#{known} is an experiment of the same name: their records mix");
            findings.push(of(experiment, "same_experiment", message));
        }
    }
    findings
}

/// Running experiments of a layer that enroll the same units. Sorted by their start, a range overlaps with the one
/// before it that reaches furthest, so that many experiments take little time.
fn overlaps(experiments: &[Experiment<'_>]) -> Vec<Finding> {
    let mut layers: BTreeMap<&str, Vec<(f64, f64, &Experiment<'_>)>> = BTreeMap::new();
    for experiment in experiments {
        if let Some(layer) = experiment.config.layer()
            && experiment.config.state() == ExperimentState::Running
        {
            layers.entry(&layer.name).or_default().push((layer.from, layer.to, experiment));
        }
    }
    let mut findings = Vec::new();
    for (layer, mut ranges) in layers {
        ranges.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.2.row.id.cmp(&other.2.row.id)));
        let mut furthest: Option<(f64, &Experiment<'_>)> = None;
        for (from, to, experiment) in ranges {
            if let Some((reached, other)) = furthest.filter(|(reached, _)| from < *reached) {
                let message = format!(
                    "overlaps with activations#{} {:?} in the layer {layer:?}, from {from} to {} %: both run, and enroll the \
                     same units",
                    other.row.id,
                    other.row.name,
                    to.min(reached)
                );
                findings.push(of(experiment, "overlapping_layer", message));
            }
            if furthest.is_none_or(|(reached, _)| reached < to) {
                furthest = Some((to, experiment));
            }
        }
    }
    findings
}

/// Experiments that share a layer or a holdout and draw it by different hashes. One that is decided enrolls no units.
fn hashes(experiments: &[Experiment<'_>]) -> Vec<Finding> {
    let mut first: BTreeMap<(&str, &str), &Experiment<'_>> = BTreeMap::new();
    let mut findings = Vec::new();
    for experiment in experiments.iter().filter(|it| it.config.state() != ExperimentState::Decided) {
        let layer = experiment.config.layer().map(|layer| ("layer", &*layer.name));
        let holdout = experiment.config.holdout().map(|holdout| ("holdout", &*holdout.name));
        for shared in [layer, holdout].into_iter().flatten() {
            let other = first.entry(shared).or_insert(experiment);
            let (own, theirs) = (experiment.config.enrollment_hash(), other.config.enrollment_hash());
            if own != theirs {
                let message = format!(
                    "draws the {} {:?} by {own}, and activations#{} by {theirs}: both enroll the same units",
                    shared.0, shared.1, other.row.id
                );
                findings.push(of(experiment, "different_hash", message));
            }
        }
    }
    findings
}

fn holdouts(experiments: &[Experiment<'_>]) -> Vec<Finding> {
    let mut first: BTreeMap<&str, (f64, i64)> = BTreeMap::new();
    let mut findings = Vec::new();
    for experiment in experiments {
        let Some(holdout) = experiment.config.holdout() else { continue };
        let (percentage, id) = *first.entry(&holdout.name).or_insert((holdout.percentage, experiment.row.id));
        #[expect(clippy::float_cmp, reason = "as it is written")]
        if percentage != holdout.percentage {
            let message = format!(
                "the holdout {:?} has {} % here and {percentage} % in activations#{id}: some of its units are enrolled",
                holdout.name, holdout.percentage
            );
            findings.push(of(experiment, "different_holdout", message));
        }
    }
    findings
}

fn over(experiment: &Experiment<'_>, now: DateTime<Utc>) -> Option<Finding> {
    let end = experiment.config.end().filter(|end| *end <= now)?;
    let end = end.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    let is_running = experiment.config.state() == ExperimentState::Running;
    is_running.then(|| {
        of(
            experiment,
            "experiment_over",
            format!("ended at {end}, and all callers get the control: decide it"),
        )
    })
}
