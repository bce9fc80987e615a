//! Windows that start by a cron expression.

use chrono::{DateTime, Duration, LocalResult, TimeZone, Utc};
use chrono_tz::Tz;
use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};

use crate::builtin::time::{
    clock::{Pass, at_zone},
    schedule::interval_cache::Stretch,
};

/// Windows of one length, which start when the clocks of a zone show what an expression says.
pub(super) struct CronWindows {
    cron: Cron,
    zone: Tz,
    /// In seconds.
    length: i64,
    /// Whether the expression says `*` for the hour or the minute. Such a one goes on through the hour that comes twice.
    is_hourly: bool,
}

/// Why a text is no expression.
pub(super) enum Wrong {
    Text(String),
    NeverFires,
}

impl CronWindows {
    pub(super) fn new(text: &str, length: i64, zone: Tz) -> Result<Self, Wrong> {
        let fields = text.split_whitespace().count();
        if fields != 5 && !text.trim().starts_with('@') {
            return Err(Wrong::Text(format!("it has {fields} fields")));
        }
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = parser
            .parse(text)
            .map_err(|error| Wrong::Text(error.to_string().trim_end_matches('.').to_owned()))?;
        // The clocks' own time, in which no hour is left out: what never comes in it never comes.
        if cron.find_next_occurrence(&DateTime::UNIX_EPOCH, true).is_err() {
            return Err(Wrong::NeverFires);
        }
        let is_star = |field: &str| field.starts_with('*');
        let is_hourly =
            text.trim().eq_ignore_ascii_case("@hourly") || text.split_whitespace().take(2).any(is_star);
        Ok(Self { cron, zone, length, is_hourly })
    }

    pub(super) fn stretch(&self, now: DateTime<Utc>) -> Stretch {
        let closed = self.last_start(now).map_or(i64::MIN, |start| start.timestamp() + self.length);
        if closed > now.timestamp() {
            return Stretch { from: closed - self.length, until: closed, on: true };
        }
        let opens = self.next_start(now).map_or(i64::MAX, |start| start.timestamp());
        Stretch { from: closed, until: opens, on: false }
    }

    /// The last start up to this time.
    fn last_start(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if self.is_hourly {
            let start = self.cron.find_previous_occurrence(&now.with_timezone(&self.zone), true).ok()?;
            return Some(start.to_utc());
        }
        // By the clocks' own time, which is taken for UTC here.
        let (mut local, mut inclusive) = (self.latest_shown(now), true);
        loop {
            local = self.cron.find_previous_occurrence(&local, inclusive).ok()?;
            let start = at_zone(self.zone, local.naive_utc(), Pass::First)?;
            if start <= now {
                return Some(start);
            }
            inclusive = false;
        }
    }

    /// The first start after this time.
    fn next_start(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if self.is_hourly {
            let start = self.cron.find_next_occurrence(&now.with_timezone(&self.zone), false).ok()?;
            return Some(start.to_utc());
        }
        let mut local = now.with_timezone(&self.zone).naive_local().and_utc();
        loop {
            local = self.cron.find_next_occurrence(&local, false).ok()?;
            let start = at_zone(self.zone, local.naive_utc(), Pass::First)?;
            // In the second pass through an hour, what is shown in the rest of it has started in the first one.
            if start > now {
                return Some(start);
            }
        }
    }

    /// The latest that the clocks can have shown up to this time: more than they show now, in the second pass through an
    /// hour.
    fn latest_shown(&self, now: DateTime<Utc>) -> DateTime<Utc> {
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
        /// A time of the day, once by the expression and once by going through the days.
        #[test]
        fn a_time_of_the_day_comes_once_a_day(zone in zone(), now in time(), hour in 0..24_u32, minute in 0..60_u32, length in 1..100_000_i64) {
            let windows = windows(&format!("{minute} {hour} * * *"), length, zone);
            let today = now.with_timezone(&zone).date_naive();
            let starts = (-4..=2).filter_map(|days| {
                let local = (today + Duration::days(days)).and_hms_opt(hour, minute, 0)?;
                Some(at_zone(zone, local, Pass::First)?.timestamp())
            });
            let is_on = starts.into_iter().any(|start| (start..start + length).contains(&now.timestamp()));
            prop_assert_eq!(windows.stretch(now).on, is_on);
        }

        #[test]
        fn a_stretch_is_on_throughout_or_off(
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
            let stretch = windows.stretch(now);
            prop_assert!((stretch.from..stretch.until).contains(&now.timestamp()));
            #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "anywhere in it")]
            let other = stretch.from + ((stretch.until - stretch.from) as f64 * at) as i64;
            for other in [stretch.from, other.min(stretch.until - 1), stretch.until - 1] {
                prop_assert_eq!(windows.stretch(DateTime::from_timestamp(other, 0).unwrap()).on, stretch.on, "{}", other);
            }
            if !stretch.on {
                let opens = DateTime::from_timestamp(stretch.until, 0).unwrap();
                prop_assert!(windows.stretch(opens).on);
            }
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in "[-0-9*/,#LW+@A-Za-z ?]{0,20}|.{0,20}", zone in zone(), now in time()) {
            if let Ok(windows) = CronWindows::new(&text, 60, zone) {
                windows.stretch(now);
            }
        }
    }
}
