//! Windows of time that repeat.

#[cfg_attr(not(feature = "cron"), path = "cron_disabled.rs")]
pub(crate) mod cron;
pub(crate) mod cron_error;
pub(crate) mod interval_cache;
pub(crate) mod weekly;

use std::time::Duration;

use chrono::{DateTime, Datelike, NaiveTime, SecondsFormat, Utc, Weekday};
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    activation::{
        Activation, CompileContext, Configured, Phrase, Phrasing, Spans, Verdict,
        evaluation::Evaluation,
        phrase::{shortened, shown},
        sql,
    },
    builtin::{
        register::register,
        time::clock::{Now, now_in_rfc3339, zone},
    },
};
use cron::CronWindows;
use cron_error::CronError;
use interval_cache::{Interval, IntervalCache};
use weekly::WeeklyWindows;

/// See [`Config`].
struct Schedule {
    cron: Option<Box<CronWindows>>,
    weekly: Option<Box<WeeklyWindows>>,
    /// The interval of the clock.
    of_clock: IntervalCache,
    /// The last interval of a time from a context. Separate, so that such callers do not evict the interval
    /// of the clock.
    of_callers: IntervalCache,
}

/// On in windows of time that repeat.
///
/// ```sql
/// INSERT INTO flags (id, name, status) VALUES (260, 'Live chat', true);
/// INSERT INTO activations (id, name, class_name, config) VALUES
///     (260, 'Office hours', 'novi.schedule', '{"weekdays": ["mon", "tue", "wed", "thu", "fri"],
///         "from": "09:00", "to": "17:00", "timezone": "Europe/Madrid"}'),
///     (261, 'First night of the month', 'novi.schedule', '{"cron": "0 22 1 * *", "duration": "8h", "timezone": "America/New_York"}');
/// INSERT INTO flags_activations (flag_id, activation_id) VALUES (260, 260);
/// ```
///
/// **Hours and days.** On from `from`, inclusive, to `to`, exclusive, on each of the `weekdays`. If `to` is
/// not after `from`, it means the next day: a window over midnight belongs to the day on which it starts, and
/// a window from 09:00 to 09:00 lasts 24 hours. The defaults are 00:00, 24:00 and every day.
///
/// **Cron.** On for `duration` from each time of the expression, which has five fields: minute, hour, day of
/// the month, month, and day of the week, such as `0 9 * * MON-FRI`. If both days are given, either may
/// match, as usual in cron; with `+` before the day of the week both must match. `L` is the last day, `#2`
/// the second such weekday of a month, and `@daily` and similar names are supported. Windows that overlap are
/// joined.
///
/// If a row has both hours and cron, both must be on.
///
/// **Clock changes.** A start in an hour that the clocks skip moves to the next valid instant. In an hour
/// that they repeat, a start is the first occurrence and an end is the second, so a window from 01:00 to
/// 02:30 lasts an hour longer on that night. A `duration` is elapsed time. A cron expression with `*` (or
/// `*/10`) for the minute or the hour follows the local clock: it starts in both occurrences of a repeated
/// hour and not in a skipped one.
///
/// **The time** is the attribute `currentDateTime` if the caller has it (an instant, or a string in RFC
/// 3339), otherwise the clock. If the string is not a time, the condition is not met.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The starts of windows: a cron expression of five fields
    #[serde(default)]
    cron: Option<String>,
    /// The length of a window of `cron`, from a second to 366 days: 8h, 90m, 1day 12h
    #[serde(default)]
    duration: Option<String>,
    /// The days on which a window starts: mon, tue, wed, thu, fri, sat, sun. Default: every day
    #[serde(default)]
    weekdays: Option<Vec<String>>,
    /// The start of a day's window: 09:00 or 09:00:30. Default: 00:00
    #[serde(default)]
    from: Option<String>,
    /// The end of a day's window: 17:00, up to 24:00. Default: 24:00
    #[serde(default)]
    to: Option<String>,
    /// The IANA time zone, such as Europe/Berlin. Default: UTC
    #[serde(default)]
    #[schemars(extend("x-novi-input" = "timezone"))]
    timezone: Option<String>,
}

register!(Schedule, "novi.schedule", [], "On in windows of time that repeat");

impl Activation for Schedule {
    #[inline]
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Verdict {
        let Some(now) = now_in_rfc3339(evaluation) else { return Verdict::Off };
        if evaluation.is_traced() {
            let interval = self.interval(now);
            evaluation.note(|| {
                let at = |seconds| {
                    DateTime::from_timestamp(seconds, 0)
                        .map_or_else(|| "ever".to_owned(), |at| at.to_rfc3339_opts(SecondsFormat::Secs, true))
                };
                format!("{} until {}", if interval.on { "on" } else { "off" }, at(interval.until))
            });
        }
        let cache = if now.is_from_context { &self.of_callers } else { &self.of_clock };
        let is_on = cache.get(now.at.seconds()).unwrap_or_else(|| {
            let interval = self.interval(now);
            cache.set(interval, now.at.seconds());
            interval.on
        });
        is_on.into()
    }

    fn next_change(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        /// Windows of `cron` and of weekdays may hardly ever overlap, so the search is bounded.
        const MOST: usize = 10_000;
        let interval = |at: DateTime<Utc>| self.interval(Now { at: at.into(), is_from_context: false });
        let (mut at, is_on) = (after, interval(after).on);
        for _ in 0..MOST {
            // Consecutive intervals may have the same state.
            let until = DateTime::from_timestamp(interval(at).until, 0).filter(|until| *until > at)?;
            if interval(until).on != is_on {
                return Some(until);
            }
            at = until;
        }
        None
    }

    fn spans(&self, spans: &mut Spans) {
        /// Intervals in which it is off count, too: one that is on has two neighbors.
        const MOST: usize = 2 * Spans::MOST + 2;
        let mut at = spans.from();
        for _ in 0..MOST {
            let interval = self.interval(Now { at: at.into(), is_from_context: false });
            // An interval without an end lasts beyond the period.
            let until = DateTime::from_timestamp(interval.until, 0).unwrap_or(DateTime::<Utc>::MAX_UTC);
            if until <= at || interval.on && !spans.window(at, until) || until >= spans.to() {
                return;
            }
            at = until;
        }
    }
}

impl Schedule {
    /// Computes the interval that contains a time.
    #[cold]
    fn interval(&self, now: Now) -> Interval {
        /// croner supports the years 1 to 5000. The margin is for neighboring days and offsets.
        const YEARS: std::ops::Range<i32> = 3..4990;
        let seconds = now.at.seconds();
        let never = Interval { from: seconds, until: seconds, on: false };
        let now: Option<DateTime<Utc>> = DateTime::from_timestamp(seconds, 0);
        let Some(now) = now.filter(|now| YEARS.contains(&now.year())) else { return never };
        let always = Interval { from: i64::MIN, until: i64::MAX, on: true };
        let cron = self.cron.as_ref().map_or(always, |windows| windows.interval(now));
        let weekly = self.weekly.as_ref().map_or(always, |windows| windows.interval(now).unwrap_or(never));
        cron.and(weekly)
    }
}

impl Configured for Schedule {
    type Config = Config;

    fn configure(config: Config, row: &mut CompileContext<'_>) -> Option<Self> {
        let zone = zone(config.timezone.as_deref(), row);
        let has_weekly = config.weekdays.is_some() || config.from.is_some() || config.to.is_some();
        if config.cron.is_none() && config.duration.is_none() && !has_weekly {
            let expected =
                "expected `cron` and `duration`, or one of `weekdays`, `from` and `to`, found none of them";
            row.problem("", expected);
        }
        // If the zone is invalid, that is reported already; any zone serves to find more problems.
        let in_zone = zone.unwrap_or_default();
        let cron = cron(config.cron.as_deref(), config.duration.as_deref(), in_zone, row);
        let weekly = if has_weekly { weekly(&config, in_zone, row) } else { None };
        zone?;
        (cron.is_some() || weekly.is_some()).then(|| Self {
            cron,
            weekly,
            of_clock: IntervalCache::default(),
            of_callers: IntervalCache::default(),
        })
    }

    fn words(config: &Config, _: &mut Phrasing<'_>) -> Phrase {
        let zone = config.timezone.as_deref().unwrap_or("UTC");
        let mut windows = Vec::new();
        if config.weekdays.is_some() || config.from.is_some() || config.to.is_some() {
            let days = config.weekdays.as_deref().map_or_else(|| "every day".to_owned(), days_words);
            let (from, to) = (config.from.as_deref(), config.to.as_deref());
            let hours = match (from, to) {
                (None, None) => String::new(),
                (from, to) => {
                    let (from, to) = (from.unwrap_or("00:00"), to.unwrap_or("24:00"));
                    format!(" from {} to {}", value_words(from), value_words(to))
                }
            };
            windows.push(format!("{days}{hours}"));
        }
        if let Some(cron) = &config.cron {
            let duration = config.duration.as_deref().map_or_else(|| "…".to_owned(), value_words);
            windows.push(format!("for {duration} after each time of the cron expression {cron:?}"));
        }
        Phrase::period(format!("{} ({})", windows.join(", and "), value_words(zone)))
    }

    fn config_to_sql(config: &Config, sql: &mut sql::SqlContext<'_>) -> sql::Condition {
        if config.cron.is_some() {
            return sql.refuse(
                ".cron",
                "databases do not know cron expressions; use `weekdays`, `from` and `to`, or `novi audience`",
            );
        }
        if !config.timezone.as_deref().is_none_or(is_utc) {
            return sql.refuse(
                ".timezone",
                "databases differ about the clocks of time zones; give the hours in UTC, or use `novi audience`",
            );
        }
        match windows(config) {
            Ok(windows) => sql::Expression::week(windows.of_week()).into(),
            Err(_) => sql.refuse("", "the schedule is invalid"),
        }
    }
}

/// Whether the clocks of a zone always show UTC.
fn is_utc(zone: &str) -> bool {
    const NAMES: [Tz; 4] = [Tz::UTC, Tz::Etc__UTC, Tz::Etc__UCT, Tz::Etc__Universal];
    zone.parse().is_ok_and(|zone| NAMES.contains(&zone))
}

fn cron(
    text: Option<&str>,
    duration: Option<&str>,
    zone: Tz,
    row: &mut CompileContext<'_>,
) -> Option<Box<CronWindows>> {
    let length = duration.and_then(|text| parse_seconds(text, row));
    if text.is_some() && duration.is_none() {
        row.problem(".duration", "`cron` requires a duration like \"8h\"");
    }
    if text.is_none() && duration.is_some() {
        row.problem(".duration", "`duration` requires `cron`");
    }
    let text = text?;
    // If the duration is invalid, that is reported already; any length serves to find more problems.
    match CronWindows::new(text, length.unwrap_or(1), zone) {
        Ok(windows) => length.map(|_| Box::new(windows)),
        #[cfg(not(feature = "cron"))]
        Err(CronError::Disabled) => {
            row.problem(".cron", "cron expressions need the crate feature `cron` of novi");
            None
        }
        #[cfg(feature = "cron")]
        Err(CronError::NeverFires) => {
            row.problem(".cron", format!("the expression {text:?} never matches a time"));
            None
        }
        #[cfg(feature = "cron")]
        Err(CronError::Syntax(error)) => {
            let expected = "expected a cron expression of five fields like \"0 9 * * MON-FRI\"";
            row.problem(".cron", format!("{expected}, found {text:?}: {error}"));
            None
        }
    }
}

/// Parses a duration, in seconds.
fn parse_seconds(text: &str, row: &mut CompileContext<'_>) -> Option<i64> {
    /// A window of more than a year does not repeat.
    const LONGEST: u64 = 366 * 24 * 60 * 60;
    let is_valid =
        |duration: &Duration| (1..=LONGEST).contains(&duration.as_secs()) && duration.subsec_nanos() == 0;
    let duration = humantime::parse_duration(text).ok().filter(is_valid);
    if duration.is_none() {
        let expected = "expected a duration of whole seconds like \"8h\", from \"1s\" to \"366days\"";
        row.problem(".duration", format!("{expected}, found {text:?}"));
    }
    duration.and_then(|duration| i64::try_from(duration.as_secs()).ok())
}

/// A problem of a config: its path and message.
type Problem = (String, String);

fn weekly(config: &Config, zone: Tz, row: &mut CompileContext<'_>) -> Option<Box<WeeklyWindows>> {
    match windows(config) {
        Ok(windows) => Some(Box::new(WeeklyWindows { zone, ..windows })),
        Err(problems) => {
            for (path, message) in problems {
                row.problem(&path, message);
            }
            None
        }
    }
}

/// The windows of the hours and days in UTC, or all problems.
fn windows(config: &Config) -> Result<WeeklyWindows, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut time = |path: &str, text: Option<&str>| match text {
        None => NaiveTime::MIN,
        // The end of a day is the start of the next day.
        Some("24:00") if path == ".to" => NaiveTime::MIN,
        Some(text) => {
            let parsed =
                ["%H:%M", "%H:%M:%S"].iter().find_map(|form| NaiveTime::parse_from_str(text, form).ok());
            if parsed.is_none() {
                let expected = "expected a time of the day like \"09:00\"";
                problems.push((path.to_owned(), format!("{expected}, found {text:?}")));
            }
            parsed.unwrap_or_default()
        }
    };
    let (from, to) = (time(".from", config.from.as_deref()), time(".to", config.to.as_deref()));
    let days = days(config.weekdays.as_deref(), &mut problems);
    if problems.is_empty() { Ok(WeeklyWindows { days, from, to, zone: Tz::UTC }) } else { Err(problems) }
}

/// A setting, shortened.
fn value_words(text: &str) -> String {
    shortened(text.to_owned(), 40)
}

/// "Monday to Friday", or "Monday, Wednesday".
fn days_words(names: &[String]) -> String {
    let parsed: Option<Vec<Weekday>> = names.iter().map(|name| name.parse().ok()).collect();
    let Some(mut parsed) = parsed else { return "on days that are invalid".to_owned() };
    parsed.sort_unstable_by_key(Weekday::num_days_from_monday);
    parsed.dedup();
    let name = |day: &Weekday| NAMES.get(day.num_days_from_monday() as usize).copied().unwrap_or_default();
    let follow = |pair: &[Weekday]| matches!(pair, [one, next] if one.succ() == *next);
    match parsed.as_slice() {
        days if days.len() == NAMES.len() => "every day".to_owned(),
        [first, .., last] if parsed.len() > 2 && parsed.windows(2).all(follow) => {
            format!("{} to {}", name(first), name(last))
        }
        days => shown(&days.iter().map(|day| name(day).to_owned()).collect::<Vec<_>>(), ", "),
    }
}

const NAMES: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The days, from Monday.
fn days(names: Option<&[String]>, problems: &mut Vec<Problem>) -> [bool; 7] {
    let Some(names) = names else { return [true; 7] };
    if names.is_empty() {
        problems.push((".weekdays".to_owned(), "expected at least one day, found none".to_owned()));
    }
    let mut days = [false; 7];
    for (index, name) in names.iter().enumerate() {
        let day = name.parse().ok().map(|day: Weekday| day.num_days_from_monday() as usize);
        if let Some(day) = day.and_then(|day| days.get_mut(day)) {
            *day = true;
            continue;
        }
        let expected = "expected mon, tue, wed, thu, fri, sat or sun";
        problems.push((format!(".weekdays[{index}]"), format!("{expected}, found {name:?}")));
    }
    days
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Zones whose clocks change by an hour, by half an hour, by a day, and never.
    pub(in crate::builtin) fn zone() -> impl Strategy<Value = Tz> {
        prop::sample::select(vec![
            Tz::Europe__Berlin,
            Tz::America__New_York,
            Tz::Australia__Lord_Howe,
            Tz::Pacific__Apia,
            Tz::America__Havana,
            Tz::UTC,
        ])
    }

    /// Times, mostly near a clock change.
    pub(in crate::builtin) fn time() -> impl Strategy<Value = DateTime<Utc>> {
        let changes = [
            "2026-03-29T01:00:00Z",
            "2026-10-25T01:00:00Z",
            "2026-03-08T07:00:00Z",
            "2026-11-01T06:00:00Z",
            "2026-04-04T15:00:00Z",
            "2026-10-03T15:30:00Z",
            "2011-12-30T10:00:00Z",
            "2026-11-01T05:00:00Z",
        ];
        let changes = changes.map(|text| DateTime::parse_from_rfc3339(text).unwrap().timestamp());
        let near =
            (prop::sample::select(changes.to_vec()), -200_000..200_000_i64).prop_map(|(at, by)| at + by);
        let close = (prop::sample::select(changes.to_vec()), -4000..4000_i64).prop_map(|(at, by)| at + by);
        let any = -60_000_000_000..90_000_000_000_i64;
        prop_oneof![near, close, any].prop_map(|seconds| DateTime::from_timestamp(seconds, 0).unwrap())
    }
}
