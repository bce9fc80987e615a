//! Failed attempts to authenticate, counted by address.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::app::limits::retry_after::whole_seconds;

/// Attempts are counted from the first one for this long.
const WINDOW: Duration = Duration::from_mins(1);

/// The most addresses that are counted separately. All others share one counter, so that a caller with very
/// many addresses cannot fill the memory.
const MOST_ADDRESSES: usize = 10_000;

/// A program that sends one wrong token repeatedly is not guessing. It may fail this many times as often as
/// `limit`.
const SAME_TOKEN_FACTOR: u32 = 10;

/// The most different tokens that are remembered of one address.
const MOST_TOKENS: usize = 1_000;

/// The key of the shared counter.
const OTHER_ADDRESSES: u128 = u128::MAX;

#[derive(Default)]
pub(crate) struct GuessLimit(Mutex<HashMap<u128, Attempts>>);

struct Attempts {
    since: Instant,
    failed: u32,
    /// The beginnings of the hashes of the tokens.
    tokens: Vec<u64>,
}

impl Attempts {
    fn new(since: Instant) -> Self {
        Self { since, failed: 0, tokens: Vec::new() }
    }

    /// Counts an attempt. Returns `true` if the limit is exceeded.
    fn exceed(&mut self, token: u64, limit: u32) -> bool {
        self.failed = self.failed.saturating_add(1);
        if !self.tokens.contains(&token) && self.tokens.len() < MOST_TOKENS {
            self.tokens.push(token);
        }
        let different = u32::try_from(self.tokens.len()).unwrap_or(u32::MAX);
        different > limit || self.failed > limit.saturating_mul(SAME_TOKEN_FACTOR)
    }
}

impl GuessLimit {
    /// Counts a failed attempt. If there are more than `limit` different ones in the window, returns the
    /// seconds until the window ends.
    pub(crate) fn exceeded(&self, address: u128, token: u64, limit: u32, now: Instant) -> Option<u64> {
        let mut addresses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |attempts: &Attempts| now.saturating_duration_since(attempts.since) >= WINDOW;
        let mut key = address;
        if addresses.len() >= MOST_ADDRESSES && !addresses.contains_key(&key) {
            addresses.retain(|_, attempts| !is_over(attempts));
            if addresses.len() >= MOST_ADDRESSES {
                key = OTHER_ADDRESSES;
            }
        }
        let attempts = addresses.entry(key).or_insert_with(|| Attempts::new(now));
        if is_over(attempts) {
            *attempts = Attempts::new(now);
        }
        let left = WINDOW.saturating_sub(now.saturating_duration_since(attempts.since));
        attempts.exceed(token, limit).then(|| whole_seconds(left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_that_tries_many_tokens_is_limited_for_the_rest_of_the_minute() {
        let (guesses, start) = (GuessLimit::default(), Instant::now());
        let mut token = 0;
        let mut at = |address, seconds| {
            token += 1;
            guesses.exceeded(address, token, 2, start + Duration::from_secs(seconds))
        };
        assert_eq!([at(1, 0), at(1, 1), at(1, 1), at(1, 20)], [None, None, Some(59), Some(40)]);
        assert_eq!(at(2, 20), None, "another address");
        assert_eq!([at(1, 59), at(1, 60)], [Some(1), None], "a minute later");
    }

    #[test]
    fn one_token_sent_repeatedly_may_fail_more_often() {
        let (guesses, start) = (GuessLimit::default(), Instant::now());
        let allowed = (0..30).filter(|_| guesses.exceeded(1, 7, 2, start).is_none()).count();
        assert_eq!(allowed, 20);
    }

    #[test]
    fn very_many_addresses_use_bounded_memory() {
        let (guesses, start) = (GuessLimit::default(), Instant::now());
        for address in 0..3 * MOST_ADDRESSES as u128 {
            guesses.exceeded(address, 1, 5, start);
        }
        assert!(guesses.0.lock().unwrap().len() <= MOST_ADDRESSES + 1);
        assert!(guesses.exceeded(1 << 100, 1, 5, start).is_some(), "the others share one counter");
        // Addresses whose window is over are dropped when there is no room.
        assert_eq!(guesses.exceeded(1 << 100, 1, 5, start + WINDOW), None);
        assert!(guesses.0.lock().unwrap().len() <= 2);
    }
}
