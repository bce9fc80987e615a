#![doc = include_str!("../README.md")]

mod attributes;
mod bandit;
mod breakdown;
mod change;
pub mod charts;
mod check;
mod compare;
mod database;
mod error;
mod experiment;
mod fields;
mod folder;
mod guard;
mod harm;
mod html;
mod measure;
mod metric;
mod outcomes;
mod periods;
mod ramps;
mod read;
mod report;
mod rows;
mod sql;
mod text;
mod units;
mod weights;

pub use attributes::Attributes;
pub use bandit::{ArmReport, Bandit, BanditError, Reweighing};
pub use breakdown::By;
pub use check::check_metric;
pub use database::Database;
pub use error::ExperimentError;
pub use experiment::Experiment;
pub use folder::{FolderError, read_attributes, read_metrics};
pub use guard::{Guard, GuardError, Guarded};
pub use harm::Harm;
pub use html::html;
pub use metric::{Better, Kind, Margin, Metric, MetricError};
pub use periods::{WeightPeriod, weight_periods};
pub use report::{
    Breakdown, Comparison, Day, Interval, MetricReport, PeriodRatio, Report, SampleRatio, Segment,
    SegmentMetric, StepReport, VariantReport, Verdict,
};
pub use rows::{
    ExperimentRow, ExperimentStep, ExperimentSummary, ExperimentVariant, LayerShare, NewExperiment,
    PlanError, PlannedAnalysis, Weights, experiment_warnings, experiments, experiments_with_metric,
    find_experiment, metric_config, metric_rows, metric_text, metrics_of, planned_analysis, scheduled_start,
    with_metric_rows,
};
pub use weights::{experiment_of, planned_weights};
