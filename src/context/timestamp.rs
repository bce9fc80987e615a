//! Points in time that are cheap to read from the clock and to compare.

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};

/// Seconds and nanoseconds since 1970.
///
/// chrono stores years and days; converting a reading of the clock takes longer than the reading itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timestamp {
    seconds: i64,
    nanos: u32,
}

impl Timestamp {
    /// Before every time that a clock or a string can represent.
    pub(crate) const MIN: Self = Self { seconds: i64::MIN, nanos: 0 };
    /// After every time that a clock or a string can represent.
    pub(crate) const MAX: Self = Self { seconds: i64::MAX, nanos: u32::MAX };

    /// The current time. A clock that is set before 1970 counts as 1970.
    pub(crate) fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX), nanos: since.subsec_nanos() }
    }

    /// Whole seconds since 1970.
    pub(crate) const fn seconds(self) -> i64 {
        self.seconds
    }

    /// Seconds from an earlier time to this one.
    #[expect(clippy::cast_precision_loss, reason = "times of rows lie fewer than 2^53 seconds apart")]
    pub(crate) fn since(self, earlier: Self) -> f64 {
        let seconds = self.seconds.saturating_sub(earlier.seconds) as f64;
        seconds + (f64::from(self.nanos) - f64::from(earlier.nanos)) / 1e9
    }

    /// The time as a date; times after chrono's last date become that date.
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
    fn dates_round_trip_and_now_is_the_current_time() {
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
