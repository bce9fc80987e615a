//! Limits on callers.

pub(crate) mod bulkhead;
pub(crate) mod guess_limit;
pub(crate) mod rate_limit;
pub(crate) mod retry_after;

use crate::{
    app::limits::{bulkhead::Bulkhead, guess_limit::GuessLimit, rate_limit::RateLimit},
    options::Options,
};

/// The counters of all limits.
pub(crate) struct Limits {
    pub(crate) guesses: GuessLimit,
    pub(crate) rates: RateLimit,
    /// Large evaluations.
    pub(crate) evaluations: Bulkhead,
    /// Comparisons and reconstructions of all rows. Apart from evaluations, since they wait for the database.
    pub(crate) comparisons: Bulkhead,
}

impl Limits {
    pub(crate) fn new(options: &Options) -> Self {
        let bulkhead = || Bulkhead::new(options.large_concurrency, options.response_memory);
        Self {
            guesses: GuessLimit::default(),
            rates: RateLimit::default(),
            evaluations: bulkhead(),
            comparisons: bulkhead(),
        }
    }
}
