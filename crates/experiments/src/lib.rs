#![doc = include_str!("../README.md")]

mod analysis;
mod error;
mod html;
mod metric;
mod read;
mod report;
mod sql;
mod text;

pub use analysis::Experiment;
pub use error::ExperimentError;
pub use html::html;
pub use metric::{Better, Kind, Metric, MetricError};
pub use report::{Comparison, Day, Interval, MetricReport, Report, SampleRatio, VariantReport, Verdict};
