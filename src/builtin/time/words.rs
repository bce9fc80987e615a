//! Times and windows in words.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Utc};
use chrono_tz::Tz;

/// An instant in a zone: "1 December 2026", or "1 December 2026 08:00" if it is not the start of a day.
pub(in crate::builtin) fn instant(at: DateTime<Utc>, zone: Tz) -> String {
    moment(at.with_timezone(&zone).naive_local())
}

/// A window with an exclusive end: "from 1 to 14 December 2026 (UTC)".
pub(in crate::builtin) fn window(
    start: Option<DateTime<Utc>>,
    end: Option<DateTime<Utc>>,
    zone: Tz,
) -> String {
    let local = |at: DateTime<Utc>| at.with_timezone(&zone).naive_local();
    let text = match (start.map(local), end.map(local)) {
        (None, None) => return "at any time".to_owned(),
        (Some(start), Some(end)) if end <= start => "never, since the end is not after the start".to_owned(),
        (Some(start), None) => format!("from {}", moment(start)),
        (None, Some(end)) => format!("before {}", moment(end)),
        (Some(start), Some(end)) => match whole_days(start, end) {
            Some((first, last)) => days(first, last),
            None if start.date() == end.date() => {
                format!("from {} to {}", moment(start), clock_time(end.time()))
            }
            None => format!("from {} to {}", with_time(start), with_time(end)),
        },
    };
    format!("{text} ({zone})")
}

/// The first and the last day of a window of whole days.
fn whole_days(start: NaiveDateTime, end: NaiveDateTime) -> Option<(NaiveDate, NaiveDate)> {
    let is_whole = start.time() == NaiveTime::MIN && end.time() == NaiveTime::MIN;
    let last = end.date().checked_sub_days(Days::new(1))?;
    (is_whole && start.date() <= last).then_some((start.date(), last))
}

fn days(first: NaiveDate, last: NaiveDate) -> String {
    if first == last {
        format!("during {}", date(first))
    } else if (first.year(), first.month()) == (last.year(), last.month()) {
        format!("from {} to {}", first.day(), date(last))
    } else if first.year() == last.year() {
        format!("from {} to {}", first.format("%-d %B"), date(last))
    } else {
        format!("from {} to {}", date(first), date(last))
    }
}

fn date(date: NaiveDate) -> String {
    date.format("%-d %B %Y").to_string()
}

fn moment(at: NaiveDateTime) -> String {
    if at.time() == NaiveTime::MIN { date(at.date()) } else { with_time(at) }
}

fn with_time(at: NaiveDateTime) -> String {
    format!("{} {}", date(at.date()), clock_time(at.time()))
}

/// "09:00", or "09:00:30".
pub(in crate::builtin) fn clock_time(time: NaiveTime) -> String {
    let format = if time.second() == 0 { "%H:%M" } else { "%H:%M:%S" };
    time.format(format).to_string()
}
