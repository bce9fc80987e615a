//! Tests of a variant against its control, and what belongs to them.

mod bayesian;
mod estimate;
mod multiple;
mod sample_ratio;
mod sequential;
mod welch;

pub use bayesian::{Bayesian, Posterior, Prior, PriorScale};
pub use estimate::{Estimate, Lift};
pub use multiple::{benjamini_hochberg, holm};
pub use sample_ratio::{SampleRatio, sample_ratio};
pub use sequential::Sequential;
pub use welch::Welch;
