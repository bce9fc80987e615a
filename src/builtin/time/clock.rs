//! The current time, and the parsing of dates and zones.

use chrono::{DateTime, Duration, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Timelike, Utc};
use chrono_tz::Tz;

use crate::{
    activation::{CompileContext, evaluation::Evaluation},
    context::{timestamp::Timestamp, value::Value},
};

/// The time of an evaluation.
#[derive(Clone, Copy)]
pub(in crate::builtin) struct Now {
    pub(in crate::builtin) at: Timestamp,
    /// Whether it comes from the caller's context instead of the clock.
    pub(in crate::builtin) is_from_context: bool,
}

/// The attribute `currentDateTime`, or the clock if the caller has none. `None` if the attribute is not a
/// time.
#[inline(always)]
pub(in crate::builtin) fn now(
    evaluation: &Evaluation<'_>,
    parse: impl FnOnce(&str) -> Option<DateTime<Utc>>,
    expected: impl FnOnce() -> String,
) -> Option<Now> {
    let given = match evaluation.get("currentDateTime") {
        None => return Some(Now { at: evaluation.timestamp(), is_from_context: false }),
        Some(Value::Instant(instant)) => Some(*instant),
        Some(Value::Str(text)) => {
            let parsed = parse(text);
            if parsed.is_none() {
                evaluation.note(|| format!("currentDateTime: expected {}", expected()));
            }
            parsed
        }
        Some(_) => None,
    };
    Some(Now { at: given?.into(), is_from_context: true })
}

/// The same for types that accept only RFC 3339.
#[inline(always)]
pub(in crate::builtin) fn now_in_rfc3339(evaluation: &Evaluation<'_>) -> Option<Now> {
    now(evaluation, rfc3339, || "a time like \"2026-11-20T09:30:00Z\" (RFC 3339)".to_owned())
}

pub(in crate::builtin) fn rfc3339(text: &str) -> Option<DateTime<Utc>> {
    Some(DateTime::parse_from_rfc3339(text).ok()?.to_utc())
}

/// The first of some times that is after `after`.
pub(in crate::builtin) fn next_of(
    times: impl IntoIterator<Item = Timestamp>,
    after: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let after = Timestamp::from(after);
    let later = times.into_iter().filter(|time| after < *time && *time < Timestamp::MAX).min();
    later.map(Timestamp::date)
}

/// What a row may have as an instant without a format of its own.
pub(in crate::builtin) const INSTANT: &str = "a date like \"2026-12-31\", a time like \"2026-12-31T18:00\" in the row's \
     `timezone`, or one with an offset like \"2026-12-31T18:00:00Z\" (RFC 3339)";

/// The instant of a row: the start of a date, a time on the clocks of the zone, or RFC 3339.
pub(in crate::builtin) fn instant(text: &str, zone: Tz, pass: Pass) -> Option<DateTime<Utc>> {
    if let Some(date) = date(text) {
        return start_of_day(zone, date);
    }
    match local(text) {
        Some(local) => at_zone(zone, local, pass),
        None => rfc3339(text),
    }
}

/// Parses `2026-11-20T09:30`, with or without seconds.
fn local(text: &str) -> Option<NaiveDateTime> {
    let (day, time) = text.split_at_checked(10)?;
    let time = time.strip_prefix(['T', 't', ' '])?;
    let is_time = time.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.'));
    // chrono would also accept "9:30" and "09:3".
    let has_two_digits = time.split('.').next()?.split(':').all(|part| part.len() == 2);
    let time =
        NaiveTime::parse_from_str(time, "%H:%M:%S%.f").or_else(|_| NaiveTime::parse_from_str(time, "%H:%M"));
    Some(date(day)?.and_time(time.ok().filter(|_| is_time && has_two_digits)?))
}

/// Parses `2026-11-20`. chrono would also accept "+26-1-1".
pub(in crate::builtin) fn date(text: &str) -> Option<NaiveDate> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text.as_bytes() else { return None };
    let number = |digits: &[u8]| {
        let digit = |byte: &u8| byte.is_ascii_digit().then(|| u32::from(byte - b'0'));
        digits.iter().try_fold(0, |number, byte| Some(number * 10 + digit(byte)?))
    };
    let year = i32::try_from(number(&[*y1, *y2, *y3, *y4])?).ok()?;
    NaiveDate::from_ymd_opt(year, number(&[*m1, *m2])?, number(&[*d1, *d2])?)
}

/// The time zone of a name, or UTC. An unknown zone is reported.
pub(in crate::builtin) fn zone(name: Option<&str>, row: &mut CompileContext<'_>) -> Option<Tz> {
    let Some(name) = name else { return Some(Tz::UTC) };
    let zone = name.parse().ok();
    if zone.is_none() {
        row.problem(".timezone", format!("expected a time zone like \"Europe/Berlin\", found {name:?}"));
    }
    zone
}

/// An occurrence of an hour that the clocks repeat.
#[derive(Clone, Copy)]
pub(in crate::builtin) enum Pass {
    First,
    Last,
}

/// The instant at which the clocks of a zone show a local time. If they skip it, the next valid instant.
pub(in crate::builtin) fn at_zone(zone: Tz, local: NaiveDateTime, pass: Pass) -> Option<DateTime<Utc>> {
    match (zone.from_local_datetime(&local), pass) {
        (LocalResult::Single(instant), _)
        | (LocalResult::Ambiguous(instant, _), Pass::First)
        | (LocalResult::Ambiguous(_, instant), Pass::Last) => Some(instant.to_utc()),
        (LocalResult::None, _) => after_gap(zone, local),
    }
}

/// Says that the clocks of a time zone skip a local time such as `2026-03-29T02:30`; `None` if they show it, or if the
/// text or the zone is something else. A row may have such a time, which means the next valid instant, but a person who
/// types it is mistaken.
#[must_use]
pub fn skipped_time(text: &str, zone: &str) -> Option<String> {
    let (local, zone) = (local(text)?, zone.parse::<Tz>().ok()?);
    let is_skipped = matches!(zone.from_local_datetime(&local), LocalResult::None);
    is_skipped.then(|| format!("{text} does not exist in {zone}: the clocks skip it; choose another time"))
}

/// The first instant of a day.
pub(in crate::builtin) fn start_of_day(zone: Tz, date: NaiveDate) -> Option<DateTime<Utc>> {
    at_zone(zone, date.and_time(NaiveTime::MIN), Pass::First)
}

/// The first instant after the gap of the clocks at `local`.
fn after_gap(zone: Tz, local: NaiveDateTime) -> Option<DateTime<Utc>> {
    // No zone has skipped more than a day, and all changes so far were at whole minutes.
    let minute = local.with_second(0)?.with_nanosecond(0)?;
    (1..=25 * 60)
        .filter_map(|minutes| minute.checked_add_signed(Duration::minutes(minutes)))
        .find_map(|later| zone.from_local_datetime(&later).earliest())
        .map(|instant| instant.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_local_times_are_skipped() {
        let skipped = |text| skipped_time(text, "Europe/Berlin");
        for text in ["2026-03-29T02:00", "2026-03-29T02:30", "2026-03-29 02:59:59.9"] {
            let message =
                format!("{text} does not exist in Europe/Berlin: the clocks skip it; choose another time");
            assert_eq!(skipped(text), Some(message));
        }
        for text in ["2026-03-29", "2026-03-29T03:00", "2026-10-25T02:30", "2026-03-29T02:30Z", "", "soon"] {
            assert_eq!(skipped(text), None, "{text}");
        }
        assert_eq!(skipped_time("2026-03-29T02:30", "Nowhere"), None);
        // The day has no midnight, but a first instant.
        assert_eq!(skipped_time("2026-09-06", "America/Santiago"), None);
    }
}
