#![doc = include_str!("../README.md")]

mod analysis;
mod error;
mod folder;
mod html;
mod metric;
mod read;
mod report;
mod sql;
mod text;
mod weights;

pub use analysis::Experiment;
pub use error::ExperimentError;
pub use folder::{FolderError, read_metrics};
pub use html::html;
pub use metric::{Better, Kind, Metric, MetricError};
pub use report::{Comparison, Day, Interval, MetricReport, Report, SampleRatio, VariantReport, Verdict};
pub use weights::{experiment_of, planned_weights};
