//! Limits on callers.

pub(crate) mod guess_limit;
pub(crate) mod rate_limit;
pub(crate) mod retry_after;

use crate::app::limits::{guess_limit::GuessLimit, rate_limit::RateLimit};

/// The counters of all limits.
#[derive(Default)]
pub(crate) struct Limits {
    pub(crate) guesses: GuessLimit,
    pub(crate) rates: RateLimit,
}
