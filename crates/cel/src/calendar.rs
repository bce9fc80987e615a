//! The parts of timestamps and durations.

use chrono::{DateTime, Datelike, FixedOffset, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;

use crate::functions::Part;

/// A part of an instant in a time zone: a name such as `Europe/Berlin` or an offset such as `-08:00`. `None`
/// for an unknown zone.
pub(crate) fn part_of_instant(part: Part, instant: DateTime<Utc>, zone: Option<&str>) -> Option<i64> {
    let Some(zone) = zone else { return Some(part_of_date(part, &instant)) };
    if let Ok(zone) = zone.parse::<Tz>() {
        return Some(part_of_date(part, &instant.with_timezone(&zone)));
    }
    Some(part_of_date(part, &instant.with_timezone(&offset(zone)?)))
}

/// Parses `-08:00`, `+01:00` or `01:00`.
fn offset(text: &str) -> Option<FixedOffset> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (hours, minutes) = text.split_once(':')?;
    let number = |digits: &str, below: i32| {
        let is_valid = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<i32>().ok().filter(|number| is_valid && *number < below)
    };
    FixedOffset::east_opt(sign * (number(hours, 24)? * 3600 + number(minutes, 60)? * 60))
}

fn part_of_date(part: Part, date: &(impl Datelike + Timelike)) -> i64 {
    match part {
        Part::FullYear => date.year().into(),
        Part::Month => date.month0().into(),
        Part::DayOfYear => date.ordinal0().into(),
        Part::DayOfMonth => date.day0().into(),
        Part::Date => date.day().into(),
        Part::DayOfWeek => date.weekday().num_days_from_sunday().into(),
        Part::Hours => date.hour().into(),
        Part::Minutes => date.minute().into(),
        Part::Seconds => date.second().into(),
        Part::Milliseconds => (date.nanosecond() / 1_000_000).into(),
    }
}

/// A duration in hours, minutes, seconds or milliseconds; `None` for other parts.
pub(crate) fn part_of_duration(part: Part, duration: TimeDelta) -> Option<i64> {
    match part {
        Part::Hours => Some(duration.num_hours()),
        Part::Minutes => Some(duration.num_minutes()),
        Part::Seconds => Some(duration.num_seconds()),
        Part::Milliseconds => Some(duration.num_milliseconds()),
        _ => None,
    }
}
