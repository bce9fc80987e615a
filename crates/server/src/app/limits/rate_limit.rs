//! Requests per second, counted by caller.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::app::limits::retry_after::whole_seconds;

/// Callers are split into shards, so that threads rarely wait for one another.
const SHARDS: usize = 32;

/// When a shard has this many callers, those that have not called for a while are dropped.
const MOST_CALLERS: usize = 4_096;

/// A caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum RateKey {
    /// The holder of a token, by its id.
    Token(i64),
    /// A caller without a token, by address.
    Address(u128),
}

/// The generic cell rate algorithm: for each caller, the time at which all its requests so far would be used
/// up at its rate. It needs one number per caller.
pub(crate) struct RateLimit {
    shards: [Mutex<HashMap<RateKey, Instant>>; SHARDS],
}

impl Default for RateLimit {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()) }
    }
}

impl RateLimit {
    /// Counts a request of a caller that may make `per_second` of them, also all at once. If this is one too
    /// many, returns after how many seconds to retry.
    pub(crate) fn exceeded(&self, key: RateKey, per_second: u32, now: Instant) -> Option<u64> {
        let each = Duration::from_secs(1) / per_second.max(1);
        let number = match key {
            RateKey::Token(id) => id.unsigned_abs().into(),
            RateKey::Address(address) => address ^ (address >> 64),
        };
        let shard = usize::try_from(number % SHARDS as u128).unwrap_or_default();
        let mut callers = self.shards.get(shard)?.lock().unwrap_or_else(PoisonError::into_inner);
        if callers.len() >= MOST_CALLERS && !callers.contains_key(&key) {
            callers.retain(|_, until| *until > now);
        }
        let until = callers.entry(key).or_insert(now);
        let begins = (*until).max(now);
        let ahead = begins.saturating_duration_since(now) + each;
        // More than the requests of one second.
        if let Some(wait) = ahead.checked_sub(Duration::from_secs(1)).filter(|wait| !wait.is_zero()) {
            return Some(whole_seconds(wait));
        }
        *until = begins + each;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caller_above_its_rate_is_limited() {
        let (rates, start) = (RateLimit::default(), Instant::now());
        let at = |key, milliseconds| rates.exceeded(key, 4, start + Duration::from_millis(milliseconds));
        let one = RateKey::Token(1);
        assert_eq!([at(one, 0); 1], [None]);
        assert_eq!([at(one, 0), at(one, 0), at(one, 0), at(one, 0)], [None, None, None, Some(1)]);
        assert_eq!(at(RateKey::Address(1), 0), None, "another caller");
        assert_eq!([at(one, 250), at(one, 250)], [None, Some(1)], "a quarter of a second allows one request");
        assert_eq!([at(one, 9000), at(one, 9000)], [None, None]);
    }

    #[test]
    fn callers_that_stop_calling_are_dropped() {
        let (rates, start) = (RateLimit::default(), Instant::now());
        for address in 0..140_000 {
            rates.exceeded(RateKey::Address(address), 100, start + Duration::from_millis(20));
        }
        rates.exceeded(RateKey::Address(140_000), 100, start + Duration::from_secs(5));
        let fewest = rates.shards.iter().map(|shard| shard.lock().unwrap().len()).min().unwrap();
        assert!(fewest <= MOST_CALLERS, "{fewest}");
    }
}
