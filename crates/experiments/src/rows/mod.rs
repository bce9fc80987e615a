//! Experiments as rows of `novi.experiment`: new ones, their lifecycle, and lists.

pub(crate) mod analysis;
mod create;
mod error;
mod fields;
mod layer;
mod list;
mod step;

pub use analysis::{PlannedAnalysis, metrics_of, planned_analysis};
pub use create::{LayerShare, NewExperiment, Weights};
pub use error::PlanError;
pub use list::{ExperimentRow, ExperimentSummary, ExperimentVariant, experiments, find_experiment};
pub use step::ExperimentStep;
