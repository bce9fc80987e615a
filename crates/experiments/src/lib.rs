#![doc = include_str!("../README.md")]

mod analysis;
mod check;
mod error;
mod folder;
mod html;
mod metric;
mod read;
mod report;
mod rows;
mod sql;
mod text;
mod weights;

pub use analysis::Experiment;
pub use check::check_metric;
pub use error::ExperimentError;
pub use folder::{FolderError, read_metrics};
pub use html::html;
pub use metric::{Better, Kind, Metric, MetricError};
pub use report::{Comparison, Day, Interval, MetricReport, Report, SampleRatio, VariantReport, Verdict};
pub use rows::{
    ExperimentRow, ExperimentStep, ExperimentSummary, ExperimentVariant, LayerShare, NewExperiment,
    PlanError, PlannedAnalysis, Weights, experiments, find_experiment, metrics_of, planned_analysis,
};
pub use weights::{experiment_of, planned_weights};
