//! Experiments as rows of `novi.experiment`: new ones, their lifecycle, and lists; and metrics as rows of
//! `novi.metric`.

pub(crate) mod analysis;
mod create;
mod error;
mod fields;
mod layer;
mod list;
mod metrics;
mod reweight;
mod step;
mod warnings;

pub use analysis::{PlannedAnalysis, metrics_of, planned_analysis};
pub use create::{LayerShare, NewExperiment, Weights};
pub use error::PlanError;
pub use list::{ExperimentRow, ExperimentSummary, ExperimentVariant, experiments, find_experiment};
pub use metrics::{metric_config, metric_rows, metric_text, with_metric_rows};
pub(crate) use reweight::reweighted_experiment;
pub use step::ExperimentStep;
pub use warnings::{experiment_warnings, experiments_with_metric, scheduled_start};
