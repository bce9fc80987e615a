//! Windows on days of the week.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, Timelike as _, Utc};
use chrono_tz::Tz;

use crate::builtin::time::{
    clock::{Pass, at_zone, start_of_day},
    schedule::interval_cache::Interval,
};

/// A window on some days of the week, in the local time of a zone.
pub(super) struct WeeklyWindows {
    /// From Monday.
    pub(super) days: [bool; 7],
    pub(super) from: NaiveTime,
    /// On the next day if not after `from`.
    pub(super) to: NaiveTime,
    pub(super) zone: Tz,
}

impl WeeklyWindows {
    /// The windows as seconds since Monday 00:00, with exclusive ends, for a zone whose clocks never change. One over
    /// the end of the week is two.
    pub(super) fn of_week(&self) -> Vec<(u32, u32)> {
        const DAY: u32 = 24 * 60 * 60;
        const WEEK: u32 = 7 * DAY;
        let (from, to) = (self.from.num_seconds_from_midnight(), self.to.num_seconds_from_midnight());
        let length = if self.to > self.from { to - from } else { DAY - from + to };
        let starts = (0..).zip(self.days).filter(|(_, is_in)| *is_in).map(|(day, _)| day * DAY + from);
        let mut windows: Vec<(u32, u32)> = starts
            .map(|start| (start, start + length))
            .flat_map(|(start, end)| [(start, end.min(WEEK)), (0, end.saturating_sub(WEEK))])
            .filter(|(start, end)| start < end)
            .collect();
        windows.sort_unstable();
        windows.dedup_by(|next, before| {
            let touch = next.0 <= before.1;
            if touch {
                before.1 = before.1.max(next.1);
            }
            touch
        });
        windows
    }

    /// The interval that contains a time, or `None` out of the range of years.
    pub(super) fn interval(&self, now: DateTime<Utc>) -> Option<Interval> {
        let (today, seconds) = (now.with_timezone(&self.zone).date_naive(), now.timestamp());
        // A window lasts at most a day, so one that started earlier has ended yesterday. Eight days include
        // every weekday.
        let first = today.checked_sub_days(Days::new(2))?;
        let last = today.checked_add_days(Days::new(8))?;
        let (yesterday, after) = (today.pred_opt()?, last.succ_opt()?);
        let mut closed = start_of_day(self.zone, yesterday)?.timestamp();
        let mut opens = start_of_day(self.zone, after)?.timestamp();
        for date in first.iter_days().take_while(|date| *date <= last) {
            let Some((from, until)) = self.window(date) else { continue };
            if (from..until).contains(&seconds) {
                return Some(Interval { from, until, on: true });
            }
            if until <= seconds {
                closed = closed.max(until);
            } else {
                opens = opens.min(from);
            }
        }
        Some(Interval { from: closed, until: opens, on: false })
    }

    /// The window that starts on a day, or `None` if none does or the clocks skip it.
    fn window(&self, date: NaiveDate) -> Option<(i64, i64)> {
        let weekday = date.weekday().num_days_from_monday() as usize;
        self.days.get(weekday).filter(|is_in| **is_in)?;
        let end = if self.to > self.from { date } else { date.succ_opt()? };
        let from = at_zone(self.zone, date.and_time(self.from), Pass::First)?;
        let until = at_zone(self.zone, end.and_time(self.to), Pass::Last)?;
        (from < until).then(|| (from.timestamp(), until.timestamp()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        super::tests::{time, zone},
        *,
    };

    proptest! {
        #[test]
        fn seconds_of_a_week_are_those_of_intervals(
            now in time(),
            days: [bool; 7],
            from in 0..86_400_u32,
            to in prop_oneof![0..86_400_u32, Just(0)],
        ) {
            let time = |seconds| NaiveTime::from_num_seconds_from_midnight_opt(seconds, 0).unwrap();
            let windows = WeeklyWindows { days, from: time(from), to: time(to), zone: chrono_tz::Tz::UTC };
            let second = now.weekday().num_days_from_monday() * 86_400 + now.num_seconds_from_midnight();
            let is_on = windows.of_week().iter().any(|(from, until)| (*from..*until).contains(&second));
            prop_assert_eq!(is_on, windows.interval(now).unwrap().on);
        }

        #[test]
        fn intervals_have_one_state(
            zone in zone(),
            now in time(),
            days: [bool; 7],
            from in 0..86_400_u32,
            to in prop_oneof![0..86_400_u32, 0..10_000_u32],
            at in 0.0..1.0_f64,
        ) {
            let time = |seconds| NaiveTime::from_num_seconds_from_midnight_opt(seconds, 0).unwrap();
            let windows = WeeklyWindows { days, from: time(from), to: time(to), zone };
            let interval = windows.interval(now).unwrap();
            prop_assert!((interval.from..interval.until).contains(&now.timestamp()));
            // Local time is unambiguous if the offset does not change within two days.
            let local = now.with_timezone(&zone).naive_local();
            let offset = |days| (now + chrono::Duration::days(days)).with_timezone(&zone).naive_local() - (now + chrono::Duration::days(days)).naive_utc();
            if offset(-2) == offset(2) {
                let is_in = |date: NaiveDate| {
                    let start = date.and_time(time(from));
                    let end = if to > from { date } else { date + Days::new(1) }.and_time(time(to));
                    days[date.weekday().num_days_from_monday() as usize] && (start..end).contains(&local)
                };
                prop_assert_eq!(interval.on, is_in(local.date()) || is_in(local.date() - Days::new(1)));
            }
            #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "anywhere in it")]
            let other = interval.from + ((interval.until - interval.from) as f64 * at) as i64;
            for other in [interval.from, other.min(interval.until - 1), interval.until - 1] {
                let other = windows.interval(DateTime::from_timestamp(other, 0).unwrap()).unwrap();
                prop_assert_eq!(other.on, interval.on);
            }
        }
    }
}
