//! Kinds of metrics: how the value of a group, and the variance of that value, follow from its summary.

mod adjusted;
mod group;
mod mean;
mod proportion;
mod quantile;
mod ratio;

pub use adjusted::{AdjustedMean, AdjustedRatio};
pub use group::{Comparison, Groups};
pub use mean::Mean;
pub use proportion::Proportion;
pub use quantile::{ClusteredQuantile, Quantile, QuantileRanks};
pub use ratio::Ratio;
