//! Windows that start by a cron expression.

use chrono::{DateTime, Duration, LocalResult, TimeZone, Utc};
use chrono_tz::Tz;
use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};

use crate::builtin::time::{
    clock::{Pass, at_zone},
    schedule::{cron_error::CronError, interval_cache::Interval},
};

/// Windows of one length, which start when an expression matches the local time of a zone.
pub(super) struct CronWindows {
    cron: Cron,
    zone: Tz,
    /// In seconds.
    length: i64,
    /// Whether the expression has `*` for the hour or the minute. Such an expression also matches a repeated
    /// hour.
    is_hourly: bool,
}

impl CronWindows {
    pub(super) fn new(text: &str, length: i64, zone: Tz) -> Result<Self, CronError> {
        let fields = text.split_whitespace().count();
        if fields != 5 && !text.trim().starts_with('@') {
            return Err(CronError::Syntax(format!("it has {fields} fields")));
        }
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = parser
            .parse(text)
            .map_err(|error| CronError::Syntax(error.to_string().trim_end_matches('.').to_owned()))?;
        // Searches in local time, in which no hour is skipped.
        if cron.find_next_occurrence(&DateTime::UNIX_EPOCH, true).is_err() {
            return Err(CronError::NeverFires);
        }
        let is_star = |field: &str| field.starts_with('*');
        let is_hourly =
            text.trim().eq_ignore_ascii_case("@hourly") || text.split_whitespace().take(2).any(is_star);
        Ok(Self { cron, zone, length, is_hourly })
    }

    pub(super) fn interval(&self, now: DateTime<Utc>) -> Interval {
        let closed = self.last_start(now).map_or(i64::MIN, |start| start.timestamp() + self.length);
        if closed > now.timestamp() {
            return Interval { from: closed - self.length, until: closed, on: true };
        }
        let opens = self.next_start(now).map_or(i64::MAX, |start| start.timestamp());
        Interval { from: closed, until: opens, on: false }
    }

    /// The last start at or before a time.
    fn last_start(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if self.is_hourly {
            let start = self.cron.find_previous_occurrence(&now.with_timezone(&self.zone), true).ok()?;
            return Some(start.to_utc());
        }
        // Local time, represented as UTC.
        let (mut local, mut inclusive) = (self.latest_local_time(now), true);
        loop {
            local = self.cron.find_previous_occurrence(&local, inclusive).ok()?;
            let start = at_zone(self.zone, local.naive_utc(), Pass::First)?;
            if start <= now {
                return Some(start);
            }
            inclusive = false;
        }
    }

    /// The first start after a time.
    fn next_start(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if self.is_hourly {
            let start = self.cron.find_next_occurrence(&now.with_timezone(&self.zone), false).ok()?;
            return Some(start.to_utc());
        }
        let mut local = now.with_timezone(&self.zone).naive_local().and_utc();
        loop {
            local = self.cron.find_next_occurrence(&local, false).ok()?;
            let start = at_zone(self.zone, local.naive_utc(), Pass::First)?;
            // In the second occurrence of an hour, the rest of the hour has started in the first one.
            if start > now {
                return Some(start);
            }
        }
    }

    /// The latest local time up to an instant. In the second occurrence of an hour it is later than the
    /// current local time.
    fn latest_local_time(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let local = now.with_timezone(&self.zone).naive_local();
        let passed = match self.zone.from_local_datetime(&local) {
            LocalResult::Ambiguous(first, last) if last.to_utc() <= now => last - first,
            _ => Duration::zero(),
        };
        local.checked_add_signed(passed).unwrap_or(local).and_utc()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        super::tests::{time, zone},
        *,
    };

    fn windows(text: &str, length: i64, zone: Tz) -> CronWindows {
        CronWindows::new(text, length, zone).ok().unwrap()
    }

    proptest! {
        /// Compares the expression with a loop over days.
        #[test]
        fn daily_expressions_match_once_a_day(zone in zone(), now in time(), hour in 0..24_u32, minute in 0..60_u32, length in 1..100_000_i64) {
            let windows = windows(&format!("{minute} {hour} * * *"), length, zone);
            let today = now.with_timezone(&zone).date_naive();
            let starts = (-4..=2).filter_map(|days| {
                let local = (today + Duration::days(days)).and_hms_opt(hour, minute, 0)?;
                Some(at_zone(zone, local, Pass::First)?.timestamp())
            });
            let is_on = starts.into_iter().any(|start| (start..start + length).contains(&now.timestamp()));
            prop_assert_eq!(windows.interval(now).on, is_on);
        }

        #[test]
        fn intervals_have_one_state(
            zone in zone(),
            now in time(),
            minute in "\\*|\\*/7|[0-9]|[1-5][0-9]|5,35",
            hour in "\\*|\\*/3|[0-4]|2|1-3|2,14",
            day in "\\*|1|L",
            weekday in "\\*|[0-7]|MON-FRI|\\+5",
            length in 1..10_000_i64,
            at in 0.0..1.0_f64,
        ) {
            let windows = windows(&format!("{minute} {hour} {day} * {weekday}"), length, zone);
            let interval = windows.interval(now);
            prop_assert!((interval.from..interval.until).contains(&now.timestamp()));
            #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "anywhere in it")]
            let other = interval.from + ((interval.until - interval.from) as f64 * at) as i64;
            for other in [interval.from, other.min(interval.until - 1), interval.until - 1] {
                prop_assert_eq!(windows.interval(DateTime::from_timestamp(other, 0).unwrap()).on, interval.on, "{}", other);
            }
            if !interval.on {
                let opens = DateTime::from_timestamp(interval.until, 0).unwrap();
                prop_assert!(windows.interval(opens).on);
            }
        }

        #[test]
        fn parsing_never_panics(text in "[-0-9*/,#LW+@A-Za-z ?]{0,20}|.{0,20}", zone in zone(), now in time()) {
            if let Ok(windows) = CronWindows::new(&text, 60, zone) {
                windows.interval(now);
            }
        }
    }
}
