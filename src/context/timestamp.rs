//! Points in time, as cheap to read from the clock as to compare.

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};

/// Seconds since 1970 and nanoseconds after them.
///
/// Dates of chrono are years and days; making one of each reading of the clock takes longer than reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timestamp {
    seconds: i64,
    nanos: u32,
}

impl Timestamp {
    /// Before every time that a clock or a text can tell.
    pub(crate) const MIN: Self = Self { seconds: i64::MIN, nanos: 0 };
    /// After every time that a clock or a text can tell.
    pub(crate) const MAX: Self = Self { seconds: i64::MAX, nanos: u32::MAX };

    /// The present, as the clock has it. A clock that is set before 1970 or beyond chrono's years is taken to be there.
    pub(crate) fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX), nanos: since.subsec_nanos() }
    }

    /// Seconds since 1970, without what is left of the last one.
    pub(crate) const fn seconds(self) -> i64 {
        self.seconds
    }

    /// The seconds from an earlier time to this one.
    #[expect(clippy::cast_precision_loss, reason = "times of rows lie fewer than 2^53 seconds apart")]
    pub(crate) fn since(self, earlier: Self) -> f64 {
        let seconds = self.seconds.saturating_sub(earlier.seconds) as f64;
        seconds + (f64::from(self.nanos) - f64::from(earlier.nanos)) / 1e9
    }

    /// The same as a date.
    pub(crate) fn date(self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.seconds, self.nanos).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(date: DateTime<Utc>) -> Self {
        Self { seconds: date.timestamp(), nanos: date.timestamp_subsec_nanos() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_timestamps_are_the_same() {
        for date in
            [DateTime::<Utc>::UNIX_EPOCH, DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC, Utc::now()]
        {
            let timestamp = Timestamp::from(date);
            assert_eq!(timestamp.date(), date);
            assert!(Timestamp::MIN < timestamp && timestamp < Timestamp::MAX);
        }
        let before = Timestamp::from(Utc::now());
        let now = Timestamp::now();
        assert!(before <= now && now <= Timestamp::from(Utc::now()));
    }
}
