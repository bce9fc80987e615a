//! Windows of time that come again and again.

pub(crate) mod cron;
pub(crate) mod interval_cache;
pub(crate) mod weekly;

use std::time::Duration;

use chrono::{DateTime, Datelike, NaiveTime, SecondsFormat, Utc, Weekday};
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    activation::{Activation, Compile, Configured, Verdict, evaluation::Check},
    builtin::{
        register,
        time::clock::{Now, now_in_rfc3339, zone},
    },
};
use cron::{CronWindows, Wrong};
use interval_cache::{Kept, Stretch};
use weekly::WeeklyWindows;

/// [`Config`] tells all of it.
struct Schedule {
    cron: Option<Box<CronWindows>>,
    weekly: Option<Box<WeeklyWindows>>,
    /// The stretch in which the clock is.
    of_clock: Kept,
    /// The one of the last time that a caller told: apart, so that who tells of other times does not slow the others.
    of_callers: Kept,
}

/// On in windows of time that come again and again.
///
/// ```sql
/// INSERT INTO activations VALUES (11, 'Office hours', 'novi.schedule',
///     '{"weekdays": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "to": "17:00", "timezone": "Europe/Madrid"}');
/// INSERT INTO activations VALUES (12, 'First night of the month', 'novi.schedule',
///     '{"cron": "0 22 1 * *", "duration": "8h", "timezone": "America/New_York"}');
/// ```
///
/// **Hours and days.** On from `from`, inclusive, to `to`, exclusive, on each of the `weekdays`. A `to` that is not after
/// `from` is on the next day: a window over midnight belongs to the day on which it starts, and one from 09:00 to 09:00
/// takes 24 hours. Without `from` it starts at 00:00, without `to` it ends at 24:00, without `weekdays` it comes each day.
///
/// **Cron.** On for the `duration` from each time that the expression names: minute, hour, day of the month, month, day of
/// the week, as in `0 9 * * MON-FRI`. Where both days are given, one that fits either is enough, as in any cron; with `+`
/// before the day of the week it must fit both. `L` is the last day, `#2` the second such weekday of a month, `@daily` and
/// the like are known. Windows that overlap are one.
///
/// With both, both must be on.
///
/// **Where the clocks change.** What would start in the hour that is left out starts at the next valid instant. In the hour
/// that comes twice, a start is in its first pass, an end in its second: from 01:00 to 02:30 takes an hour more on that night,
/// by the clocks on the wall. A `duration` is time that passes, on that night as on any other. An expression that says
/// `*` (or `*/10`) for the minute or the hour goes by the clocks on the wall: it starts in both passes, and not for what is
/// left out.
///
/// **The time** is the context's `currentDateTime` if it has one (an instant, or text in RFC 3339), else the clock. Text that
/// is no time means off.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// When windows start: a cron expression of five fields
    #[serde(default)]
    cron: Option<String>,
    /// How long those of `cron` are, from a second to 366 days: 8h, 90m, 1day 12h
    #[serde(default)]
    duration: Option<String>,
    /// The days on which a window starts: mon, tue, wed, thu, fri, sat, sun
    #[serde(default)]
    weekdays: Option<Vec<String>>,
    /// When a day's window starts: 09:00 or 09:00:30
    #[serde(default)]
    from: Option<String>,
    /// When it ends: 17:00, or up to 24:00
    #[serde(default)]
    to: Option<String>,
    /// The IANA time zone, such as Europe/Berlin; absent: UTC
    #[serde(default)]
    timezone: Option<String>,
}

register!(Schedule, "novi.schedule", [], "On in windows of time that come again and again");

impl Activation for Schedule {
    #[inline]
    fn evaluate(&self, check: &Check<'_>) -> Verdict {
        let Some(now) = now_in_rfc3339(check) else { return Verdict::Off };
        if check.is_traced() {
            let stretch = self.stretch(now);
            check.note(|| {
                let at = |seconds| {
                    DateTime::from_timestamp(seconds, 0)
                        .map_or_else(|| "ever".to_owned(), |at| at.to_rfc3339_opts(SecondsFormat::Secs, true))
                };
                format!("{} until {}", if stretch.on { "on" } else { "off" }, at(stretch.until))
            });
        }
        let kept = if now.is_told { &self.of_callers } else { &self.of_clock };
        let is_on = kept.get(now.at.seconds()).unwrap_or_else(|| {
            let stretch = self.stretch(now);
            kept.set(stretch, now.at.seconds());
            stretch.on
        });
        is_on.into()
    }

    fn next_change(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        /// Windows of cron and of the week may lie so that both are hardly ever on: whoever asks does not want to wait for ever.
        const MOST: usize = 10_000;
        let stretch = |at: DateTime<Utc>| self.stretch(Now { at: at.into(), is_told: false });
        let (mut at, is_on) = (after, stretch(after).on);
        for _ in 0..MOST {
            // Stretches that follow one another may be alike.
            let until = DateTime::from_timestamp(stretch(at).until, 0).filter(|until| *until > at)?;
            if stretch(until).on != is_on {
                return Some(until);
            }
            at = until;
        }
        None
    }
}

impl Schedule {
    /// Looks the stretch up in which a time is.
    #[cold]
    fn stretch(&self, now: Now) -> Stretch {
        /// So that the days around it, and all offsets, are within the years that cron knows: 1 to 5000.
        const YEARS: std::ops::Range<i32> = 3..4990;
        let seconds = now.at.seconds();
        let never = Stretch { from: seconds, until: seconds, on: false };
        let now: Option<DateTime<Utc>> = DateTime::from_timestamp(seconds, 0);
        let Some(now) = now.filter(|now| YEARS.contains(&now.year())) else { return never };
        let always = Stretch { from: i64::MIN, until: i64::MAX, on: true };
        let cron = self.cron.as_ref().map_or(always, |windows| windows.stretch(now));
        let weekly = self.weekly.as_ref().map_or(always, |windows| windows.stretch(now).unwrap_or(never));
        cron.and(weekly)
    }
}

impl Configured for Schedule {
    type Config = Config;

    fn configure(config: Config, row: &mut Compile<'_>) -> Option<Self> {
        let zone = zone(config.timezone.as_deref(), row);
        let has_weekly = config.weekdays.is_some() || config.from.is_some() || config.to.is_some();
        if config.cron.is_none() && config.duration.is_none() && !has_weekly {
            let expected =
                "expected `cron` and `duration`, or one of `weekdays`, `from` and `to`, found none of them";
            row.problem("", expected);
        }
        // Without the zone there is a problem already, and any will do to look for others.
        let in_zone = zone.unwrap_or_default();
        let cron = cron(config.cron.as_deref(), config.duration.as_deref(), in_zone, row);
        let weekly = if has_weekly { weekly(&config, in_zone, row) } else { None };
        zone?;
        (cron.is_some() || weekly.is_some()).then(|| Self {
            cron,
            weekly,
            of_clock: Kept::default(),
            of_callers: Kept::default(),
        })
    }
}

fn cron(
    text: Option<&str>,
    duration: Option<&str>,
    zone: Tz,
    row: &mut Compile<'_>,
) -> Option<Box<CronWindows>> {
    let length = duration.and_then(|text| seconds(text, row));
    if text.is_some() && duration.is_none() {
        row.problem(".duration", "expected a duration like \"8h\" beside `cron`, found nothing");
    }
    if text.is_none() && duration.is_some() {
        row.problem(".duration", "expected `cron` beside it, found nothing");
    }
    let text = text?;
    // Without the length there is a problem already, and any will do to look for others.
    match CronWindows::new(text, length.unwrap_or(1), zone) {
        Ok(windows) => length.map(|_| Box::new(windows)),
        Err(Wrong::NeverFires) => {
            row.problem(".cron", format!("expected times that come, found {text:?}, which never does"));
            None
        }
        Err(Wrong::Text(error)) => {
            let expected = "expected a cron expression of five fields like \"0 9 * * MON-FRI\"";
            row.problem(".cron", format!("{expected}, found {text:?}: {error}"));
            None
        }
    }
}

/// A duration, in seconds.
fn seconds(text: &str, row: &mut Compile<'_>) -> Option<i64> {
    /// A window of a year and more is no window that comes again.
    const LONGEST: u64 = 366 * 24 * 60 * 60;
    let fits =
        |duration: &Duration| (1..=LONGEST).contains(&duration.as_secs()) && duration.subsec_nanos() == 0;
    let duration = humantime::parse_duration(text).ok().filter(fits);
    if duration.is_none() {
        let expected = "expected a duration of whole seconds like \"8h\", from \"1s\" to \"366days\"";
        row.problem(".duration", format!("{expected}, found {text:?}"));
    }
    duration.and_then(|duration| i64::try_from(duration.as_secs()).ok())
}

fn weekly(config: &Config, zone: Tz, row: &mut Compile<'_>) -> Option<Box<WeeklyWindows>> {
    let mut time = |path: &str, text: Option<&str>| match text {
        None => Some(NaiveTime::MIN),
        // The end of a day is the start of the next one.
        Some("24:00") if path == ".to" => Some(NaiveTime::MIN),
        Some(text) => {
            let read =
                ["%H:%M", "%H:%M:%S"].iter().find_map(|form| NaiveTime::parse_from_str(text, form).ok());
            if read.is_none() {
                row.problem(path, format!("expected a time of the day like \"09:00\", found {text:?}"));
            }
            read
        }
    };
    let (from, to) = (time(".from", config.from.as_deref()), time(".to", config.to.as_deref()));
    let days = days(config.weekdays.as_deref(), row);
    Some(Box::new(WeeklyWindows { days: days?, from: from?, to: to?, zone }))
}

/// Which days are meant, from Monday on.
fn days(names: Option<&[String]>, row: &mut Compile<'_>) -> Option<[bool; 7]> {
    let Some(names) = names else { return Some([true; 7]) };
    if names.is_empty() {
        row.problem(".weekdays", "expected at least one day, found none");
        return None;
    }
    let (mut days, mut sound) = ([false; 7], true);
    for (index, name) in names.iter().enumerate() {
        let day = name.parse().ok().map(|day: Weekday| day.num_days_from_monday() as usize);
        if let Some(day) = day.and_then(|day| days.get_mut(day)) {
            *day = true;
            continue;
        }
        sound = false;
        let expected = "expected mon, tue, wed, thu, fri, sat or sun";
        row.problem(&format!(".weekdays[{index}]"), format!("{expected}, found {name:?}"));
    }
    sound.then_some(days)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Zones that change their clocks by an hour, by half of one, by a day, and not at all.
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

    /// Mostly times near a change of some clocks.
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
