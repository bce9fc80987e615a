//! Stretches of time, and the one that is kept at hand.

use std::sync::atomic::{AtomicU64, Ordering};

/// Seconds since 1970, the end excluded, throughout which a schedule is on, or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) from: i64,
    pub(super) until: i64,
    pub(super) on: bool,
}

impl Stretch {
    /// When both of two schedules are on.
    pub(super) fn and(self, other: Self) -> Self {
        Self { from: self.from.max(other.from), until: self.until.min(other.until), on: self.on && other.on }
    }
}

/// The stretch that was looked up last, in one word, so that no thread reads half of another's: most questions are about
/// the same stretch, and to look one up takes a hundred times as long as to compare with this.
#[derive(Default)]
pub(super) struct Kept(AtomicU64);

/// From the highest bit: 1 whether it is on, 37 the start (up to the year 6325), 26 the length (up to two years; of a longer
/// stretch a part is kept). A length of zero holds no time, so that the word is empty in the beginning.
const LENGTH_BITS: u32 = 26;
const START_BITS: u32 = 37;
const LONGEST: i64 = (1 << LENGTH_BITS) - 1;

impl Kept {
    /// Whether it is on at this time; nothing if another stretch is kept.
    #[inline]
    pub(super) fn get(&self, now: i64) -> Option<bool> {
        let word = self.0.load(Ordering::Relaxed);
        let start = (word >> LENGTH_BITS) & ((1 << START_BITS) - 1);
        let length = word & ((1 << LENGTH_BITS) - 1);
        // Times before the start, and before 1970, are far behind the end then.
        let since = now.cast_unsigned().wrapping_sub(start);
        (since < length).then_some(word >> (START_BITS + LENGTH_BITS) == 1)
    }

    /// Keeps the stretch around this time, or such a part of it as fits.
    pub(super) fn set(&self, stretch: Stretch, now: i64) {
        let start = stretch.from.max(0).max(now.saturating_sub(LONGEST / 2));
        let length = stretch.until.saturating_sub(start).clamp(0, LONGEST);
        if start < 1 << START_BITS {
            let on = u64::from(stretch.on) << (START_BITS + LENGTH_BITS);
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
        fn what_is_kept_is_the_stretch(from in time(), length in 0..200_000_000_i64, on: bool, at in 0.0..1.0_f64, asked in time(), near in -3..3_i64) {
            let until = from.saturating_add(length);
            let stretch = Stretch { from, until, on };
            #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "anywhere in it")]
            let now = from.saturating_add((length as f64 * at) as i64).min(until.saturating_sub(1));
            let kept = Kept::default();
            prop_assert_eq!(kept.get(asked), None);
            kept.set(stretch, now);
            for asked in [asked, from.saturating_add(near), until.saturating_add(near)] {
                if let Some(found) = kept.get(asked) {
                    prop_assert_eq!((found, (from..until).contains(&asked)), (on, true), "{}", asked);
                }
            }
            if (0..1 << START_BITS).contains(&now) && length > 0 {
                prop_assert_eq!(kept.get(now), Some(on));
            }
        }
    }
}
