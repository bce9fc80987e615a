//! Who tries tokens: failed attempts, counted by address.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Attempts are counted for so long from the first one on.
const WINDOW: Duration = Duration::from_mins(1);

/// How many addresses are known at once. Beyond them all others are counted as one, so that whoever has very many of them fills no
/// memory.
const MOST: usize = 10_000;

/// A program that shows one wrong token again and again does not guess; it is heard so many times as often as one that does.
const SAME: u32 = 10;

/// Of what an address has tried so much is remembered at most.
const MOST_TRIED: usize = 1_000;

/// What stands for all addresses that there is no room for.
const OTHERS: u128 = u128::MAX;

#[derive(Default)]
pub(super) struct Guesses(Mutex<HashMap<u128, Attempts>>);

struct Attempts {
    since: Instant,
    failed: u32,
    /// The beginnings of the hashes of what was tried.
    tried: Vec<u64>,
}

impl Attempts {
    fn new(since: Instant) -> Self {
        Self { since, failed: 0, tried: Vec::new() }
    }

    /// Counts one more, and says whether it is one too many.
    fn exceed(&mut self, guess: u64, limit: u32) -> bool {
        self.failed = self.failed.saturating_add(1);
        if !self.tried.contains(&guess) && self.tried.len() < MOST_TRIED {
            self.tried.push(guess);
        }
        let different = u32::try_from(self.tried.len()).unwrap_or(u32::MAX);
        different > limit || self.failed > limit.saturating_mul(SAME)
    }
}

impl Guesses {
    /// Counts a failed attempt. Gives after how many seconds the next one is heard, if more than so many different ones were made.
    pub(super) fn failed(&self, address: u128, guess: u64, limit: u32, now: Instant) -> Option<u64> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |attempts: &Attempts| now.saturating_duration_since(attempts.since) >= WINDOW;
        let mut key = address;
        if known.len() >= MOST && !known.contains_key(&key) {
            known.retain(|_, attempts| !is_over(attempts));
            if known.len() >= MOST {
                key = OTHERS;
            }
        }
        let attempts = known.entry(key).or_insert_with(|| Attempts::new(now));
        if is_over(attempts) {
            *attempts = Attempts::new(now);
        }
        let left = WINDOW.saturating_sub(now.saturating_duration_since(attempts.since));
        attempts.exceed(guess, limit).then(|| whole_seconds(left))
    }
}

/// As `Retry-After` has it: in whole seconds, of which a client that waits for none comes back at once.
pub(super) fn whole_seconds(wait: Duration) -> u64 {
    let rest = u64::from(wait.subsec_nanos() > 0);
    wait.as_secs().saturating_add(rest).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_attempts_a_minute() {
        let (guesses, start) = (Guesses::default(), Instant::now());
        let mut guess = 0;
        let mut at = |address, seconds| {
            guess += 1;
            guesses.failed(address, guess, 2, start + Duration::from_secs(seconds))
        };
        assert_eq!([at(1, 0), at(1, 1), at(1, 1), at(1, 20)], [None, None, Some(59), Some(40)]);
        assert_eq!(at(2, 20), None, "another one");
        assert_eq!([at(1, 59), at(1, 60)], [Some(1), None], "a minute later");
    }

    #[test]
    fn one_wrong_token_again_and_again_is_heard_more_often() {
        let (guesses, start) = (Guesses::default(), Instant::now());
        let heard = (0..30).filter(|_| guesses.failed(1, 7, 2, start).is_none()).count();
        assert_eq!(heard, 20);
    }

    #[test]
    fn very_many_addresses_fill_no_memory() {
        let (guesses, start) = (Guesses::default(), Instant::now());
        for address in 0..3 * MOST as u128 {
            guesses.failed(address, 1, 5, start);
        }
        assert!(guesses.0.lock().unwrap().len() <= MOST + 1);
        assert!(guesses.failed(1 << 100, 1, 5, start).is_some(), "the others are counted as one");
        // Those of before are forgotten when there is no room.
        assert_eq!(guesses.failed(1 << 100, 1, 5, start + WINDOW), None);
        assert!(guesses.0.lock().unwrap().len() <= 2);
    }

    #[test]
    fn seconds_are_whole_and_at_least_one() {
        let of = |milliseconds| whole_seconds(Duration::from_millis(milliseconds));
        assert_eq!([of(0), of(1), of(1000), of(1001)], [1, 1, 1, 2]);
    }
}
