//! The built-in activation types, one file each. No code outside of this folder names them: the registry
//! finds them as it finds those of a service.

pub(crate) mod audience;
pub(crate) mod combine;
pub(crate) mod expression;
pub(crate) mod register;
pub(crate) mod rollout;
pub(crate) mod time;

pub use audience::attribute::number::Number;
pub use rollout::experiment::{
    ExperimentConfig, ExperimentDecision, ExperimentMetrics, ExperimentState, Holdout, Layer,
};
pub use rollout::hold::{RampError, RampStatus, held_ramp, ramp_status, rolled_back_ramp};
pub use rollout::metric::MetricConfig;
pub use rollout::split::reweight::{ReweightError, Reweighted, reweighted, with_weights};
pub use time::clock::skipped_time;
pub use time::date_time::window_is_empty;
