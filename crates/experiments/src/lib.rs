#![doc = include_str!("../README.md")]

mod compare;
mod error;
mod experiment;
mod folder;
mod html;
mod measure;
mod metric;
mod outcomes;
mod read;
mod report;
mod sql;
mod text;
mod units;
mod weights;

pub use error::ExperimentError;
pub use experiment::Experiment;
pub use folder::{FolderError, read_metrics};
pub use html::html;
pub use metric::{Better, Kind, Metric, MetricError};
pub use report::{Comparison, Day, Interval, MetricReport, Report, SampleRatio, VariantReport, Verdict};
pub use weights::{experiment_of, planned_weights};
