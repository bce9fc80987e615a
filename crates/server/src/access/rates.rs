//! How often a caller may call.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::guesses::whole_seconds;

/// Callers are kept in so many parts, so that threads seldom wait for one another.
const PARTS: usize = 32;

/// When a part has so many callers, those are forgotten that have not called for long.
const MOST: usize = 4_096;

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Who {
    /// The holder of a token, by its id.
    Token(i64),
    /// Somebody at an address.
    Address(u128),
}

/// Callers, each with the time at which all that it has asked would have been asked at the rate that it has: the generic cell rate
/// algorithm, which needs one number a caller.
pub(super) struct Rates {
    parts: [Mutex<HashMap<Who, Instant>>; PARTS],
}

impl Default for Rates {
    fn default() -> Self {
        Self { parts: std::array::from_fn(|_| Mutex::default()) }
    }
}

impl Rates {
    /// Counts a call of somebody who has so many a second, and as many at once. Gives after how many seconds to come back, if it
    /// is one too many.
    pub(super) fn called(&self, who: Who, per_second: u32, now: Instant) -> Option<u64> {
        let each = Duration::from_secs(1) / per_second.max(1);
        let part = match who {
            Who::Token(id) => id.unsigned_abs().into(),
            Who::Address(address) => address ^ (address >> 64),
        };
        let part = usize::try_from(part % PARTS as u128).unwrap_or_default();
        let mut known = self.parts.get(part)?.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST && !known.contains_key(&who) {
            known.retain(|_, until| *until > now);
        }
        let until = known.entry(who).or_insert(now);
        let begins = (*until).max(now);
        let ahead = begins.saturating_duration_since(now) + each;
        // One more than a second's worth.
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
    fn a_second_has_so_many_calls() {
        let (rates, start) = (Rates::default(), Instant::now());
        let at = |who, milliseconds| rates.called(who, 4, start + Duration::from_millis(milliseconds));
        let one = Who::Token(1);
        assert_eq!([at(one, 0); 1], [None]);
        assert_eq!([at(one, 0), at(one, 0), at(one, 0), at(one, 0)], [None, None, None, Some(1)]);
        assert_eq!(at(Who::Address(1), 0), None, "another one");
        assert_eq!([at(one, 250), at(one, 250)], [None, Some(1)], "a quarter of a second brings one call");
        assert_eq!([at(one, 9000), at(one, 9000)], [None, None]);
    }

    #[test]
    fn callers_that_are_gone_are_forgotten() {
        let (rates, start) = (Rates::default(), Instant::now());
        for address in 0..200_000 {
            rates.called(Who::Address(address), 100, start + Duration::from_millis(20));
        }
        rates.called(Who::Address(200_000), 100, start + Duration::from_secs(5));
        let most = rates.parts.iter().map(|part| part.lock().unwrap().len()).min().unwrap();
        assert!(most <= MOST, "{most}");
    }
}
