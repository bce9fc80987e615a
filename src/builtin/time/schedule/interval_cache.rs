//! Intervals of a schedule, and a cache of the last one.

use std::sync::atomic::{AtomicU64, Ordering};

/// An interval in which a schedule is on, or off. In seconds since 1970, the end excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) from: i64,
    pub(super) until: i64,
    pub(super) on: bool,
}

impl Interval {
    /// The interval in which both are constant.
    pub(super) fn and(self, other: Self) -> Self {
        Self { from: self.from.max(other.from), until: self.until.min(other.until), on: self.on && other.on }
    }
}

/// The last interval, packed into one word so that threads read it atomically. Most evaluations are in the
/// same interval, and computing one takes a hundred times as long as this lookup (bench `types`).
#[derive(Default)]
pub(super) struct IntervalCache(AtomicU64);

/// From the highest bit: 1 bit for the state, 37 for the start (up to the year 6325), 26 for the length (up
/// to two years; longer intervals are cut). A length of zero contains no time, so zero is an empty cache.
const LENGTH_BITS: u32 = 26;
const START_BITS: u32 = 37;
const LONGEST: i64 = (1 << LENGTH_BITS) - 1;

impl IntervalCache {
    /// The state at a time, or `None` if the cached interval does not contain it.
    #[inline]
    pub(super) fn get(&self, now: i64) -> Option<bool> {
        let word = self.0.load(Ordering::Relaxed);
        let start = (word >> LENGTH_BITS) & ((1 << START_BITS) - 1);
        let length = word & ((1 << LENGTH_BITS) - 1);
        // For times before the start or before 1970 this wraps around to far behind the end.
        let since = now.cast_unsigned().wrapping_sub(start);
        (since < length).then_some(word >> (START_BITS + LENGTH_BITS) == 1)
    }

    /// Caches an interval that contains a time, or the part of it that fits.
    pub(super) fn set(&self, interval: Interval, now: i64) {
        let start = interval.from.max(0).max(now.saturating_sub(LONGEST / 2));
        let length = interval.until.saturating_sub(start).clamp(0, LONGEST);
        if start < 1 << START_BITS {
            let on = u64::from(interval.on) << (START_BITS + LENGTH_BITS);
            let word = on | start.cast_unsigned() << LENGTH_BITS | length.cast_unsigned();
            self.0.store(word, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn time() -> impl Strategy<Value = i64> {
        prop_oneof![-1000..200_000_000_000_i64, -5..5_i64, any::<i64>(), Just(i64::MIN), Just(i64::MAX)]
    }

    proptest! {
        #[test]
        fn cache_returns_the_interval(from in time(), length in 0..200_000_000_i64, on: bool, at in 0.0..1.0_f64, asked in time(), near in -3..3_i64) {
            let until = from.saturating_add(length);
            let interval = Interval { from, until, on };
            #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "anywhere in it")]
            let now = from.saturating_add((length as f64 * at) as i64).min(until.saturating_sub(1));
            let cache = IntervalCache::default();
            prop_assert_eq!(cache.get(asked), None);
            cache.set(interval, now);
            for asked in [asked, from.saturating_add(near), until.saturating_add(near)] {
                if let Some(found) = cache.get(asked) {
                    prop_assert_eq!((found, (from..until).contains(&asked)), (on, true), "{}", asked);
                }
            }
            if (0..1 << START_BITS).contains(&now) && length > 0 {
                prop_assert_eq!(cache.get(now), Some(on));
            }
        }
    }
}
