//! How long to wait before the next try.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher as _, Hasher as _},
    time::Duration,
};

/// Waits that double from try to try, up to a maximum, with jitter: processes that lost the same database at
/// the same moment do not return all at once.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    tries: u32,
}

impl Backoff {
    /// A database that is available again is noticed within this time, and a thousand processes that wait for
    /// one poll it about 300 times per second.
    pub const LONGEST: Duration = Duration::from_secs(5);

    /// The first wait is about this long.
    #[must_use]
    pub fn new(first: Duration) -> Self {
        Self::up_to(Self::LONGEST, first)
    }

    /// With another maximum.
    #[must_use]
    pub fn up_to(longest: Duration, first: Duration) -> Self {
        // Doubling zero would never wait.
        Self { first: first.clamp(Duration::from_millis(1), longest), longest, tries: 0 }
    }

    /// The next wait: from half of the current length to all of it.
    pub fn next_wait(&mut self) -> Duration {
        let length = self.first.saturating_mul(1 << self.tries.min(16)).min(self.longest);
        self.tries = self.tries.saturating_add(1);
        // A fresh RandomState is random enough, and is in std.
        let random = RandomState::new().build_hasher().finish();
        let half = length / 2;
        let most = u64::try_from(half.as_nanos()).unwrap_or(u64::MAX).saturating_add(1);
        half + Duration::from_nanos(random % most)
    }

    /// Starts again, after a success.
    pub fn reset(&mut self) {
        self.tries = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_start_anew() {
        let mut backoff = Backoff::new(Duration::from_millis(100));
        let mut length = Duration::from_millis(100);
        for _ in 0..100 {
            let wait = backoff.next_wait();
            assert!(length / 2 <= wait && wait <= length, "{wait:?} of {length:?}");
            length = (length * 2).min(Backoff::LONGEST);
        }
        assert_eq!(length, Backoff::LONGEST);
        backoff.reset();
        assert!(backoff.next_wait() <= Duration::from_millis(100));
    }

    #[test]
    fn no_two_wait_alike() {
        let mut waits: Vec<_> = (0..20).map(|_| Backoff::new(Backoff::LONGEST).next_wait()).collect();
        waits.sort_unstable();
        waits.dedup();
        assert!(waits.len() > 15, "{waits:?}");
        assert!(Backoff::new(Duration::ZERO).next_wait() > Duration::ZERO);
    }
}
