//! A window of time.

use chrono::{
    DateTime, Datelike, Duration, NaiveDate, NaiveTime, SecondsFormat, Utc,
    format::{Item, Parsed, StrftimeItems, parse},
};
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    activation::{Activation, Compile, Configured, Verdict, evaluation::Check},
    builtin::{
        register,
        time::clock::{Pass, at_zone, next_of, now, rfc3339, zone},
    },
    context::timestamp::Timestamp,
};

/// [`Config`] tells all of it.
struct DateTimeWindow {
    start: Timestamp,
    end: Timestamp,
    /// Reads the context's time; nothing if that is RFC 3339 alone.
    reader: Option<Box<Reader>>,
}

/// On from `startDateTime`, inclusive, to `endDateTime`, exclusive; either may be absent (R8).
///
/// The time is the context's `currentDateTime` if it has one (an instant, or text in the row's `format` or in
/// RFC 3339), else the clock. Text that is no date means off.
///
/// ```sql
/// INSERT INTO activations VALUES (1, 'Date Activated', 'novi.date_time',
///     '{"startDateTime": "11/26/2023 12:00 AM", "endDateTime": "11/28/2023 12:00 AM", "format": "%m/%d/%Y %I:%M %p"}');
/// ```
///
/// `format` is read as Python's `strptime` reads it, with these differences: a year has four digits under `%Y`
/// (Python says so too) and may have a sign, blanks before a number are passed over, `%p` needs no blank before it,
/// a weekday must fit its date. What the format leaves out is 1 January 1900, 00:00, as in Python.
///
/// Text without an offset is in `timezone`. In the hour that a change to summer time leaves out, the next valid instant
/// counts; in the hour that a change back repeats, a start and the current time are its first pass, an end its second.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// When the window opens; absent: it always was open
    #[serde(default, rename = "startDateTime")]
    start: Option<String>,
    /// When the window closes; absent: never
    #[serde(default, rename = "endDateTime")]
    end: Option<String>,
    /// How dates are written, in strptime's letters; absent: RFC 3339
    #[serde(default)]
    format: Option<String>,
    /// The IANA time zone of dates without an offset, such as Europe/Berlin; absent: UTC
    #[serde(default)]
    timezone: Option<String>,
}

register!(
    DateTimeWindow,
    "novi.date_time",
    ["novi.client.activations.date_time_activation.DateTimeActivation"],
    "On from a start, inclusive, to an end, exclusive"
);

impl Activation for DateTimeWindow {
    #[inline]
    fn evaluate(&self, check: &Check<'_>) -> Verdict {
        let reader = || self.reader.as_deref();
        let read = |text: &str| match reader() {
            Some(reader) => reader.read(text, Pass::First),
            None => rfc3339(text),
        };
        let expectation = || reader().map_or_else(|| Reader::default().expectation(), Reader::expectation);
        let Some(now) = now(check, read, expectation) else { return Verdict::Off };
        check.note(|| self.told());
        (self.start <= now.at && now.at < self.end).into()
    }

    fn next_change(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // Some windows never open.
        let window = (self.start < self.end).then_some([self.start, self.end]);
        next_of(window.into_iter().flatten(), after)
    }
}

impl DateTimeWindow {
    fn told(&self) -> String {
        let text = |at: Timestamp| at.date().to_rfc3339_opts(SecondsFormat::AutoSi, true);
        match (self.start > Timestamp::MIN, self.end < Timestamp::MAX) {
            (true, true) => format!("on from {} to before {}", text(self.start), text(self.end)),
            (true, false) => format!("on from {}", text(self.start)),
            (false, true) => format!("on before {}", text(self.end)),
            (false, false) => "on at any time".to_owned(),
        }
    }
}

impl Configured for DateTimeWindow {
    type Config = Config;

    fn configure(config: Config, row: &mut Compile<'_>) -> Option<Self> {
        let mut reader = Reader::default();
        if let Some(format) = config.format {
            let Some(items) = items(&format) else {
                let message = format!("expected a date format like \"%Y-%m-%d %H:%M\", found {format:?}");
                row.problem(".format", message);
                return None;
            };
            reader.format = Some((format, items));
        }
        reader.zone = zone(config.timezone.as_deref(), row)?;
        let mut read = |path, text: Option<String>, pass| {
            let text = text?;
            let read = reader.read(&text, pass);
            if read.is_none() {
                row.problem(path, format!("expected {}, found {text:?}", reader.expectation()));
            }
            read.map(Timestamp::from)
        };
        let start = read(".startDateTime", config.start, Pass::First).unwrap_or(Timestamp::MIN);
        let end = read(".endDateTime", config.end, Pass::Last).unwrap_or(Timestamp::MAX);
        let reader = reader.format.is_some().then(|| Box::new(reader));
        Some(Self { start, end, reader })
    }
}

/// The strptime format, parsed; nothing if it has a letter that means nothing.
fn items(format: &str) -> Option<Vec<Item<'static>>> {
    // Python's `%f` is the digits after the point, which chrono writes with the point.
    StrftimeItems::new(&format.replace(".%f", "%.f")).parse_to_owned().ok()
}

/// Reads dates as a row writes them.
#[derive(Debug, Default)]
struct Reader {
    format: Option<(String, Vec<Item<'static>>)>,
    zone: Tz,
}

impl Reader {
    fn expectation(&self) -> String {
        match &self.format {
            Some((format, _)) => format!("a date like {format:?}"),
            None => "a date like \"2026-11-20T09:30:00Z\" (RFC 3339), or a `format`".to_owned(),
        }
    }

    fn read(&self, text: &str, pass: Pass) -> Option<DateTime<Utc>> {
        let read = self.format.as_ref().and_then(|(_, items)| self.read_as(items, text, pass));
        read.or_else(|| rfc3339(text))
    }

    fn read_as(&self, items: &[Item<'static>], text: &str, pass: Pass) -> Option<DateTime<Utc>> {
        let mut parsed = Parsed::new();
        parse(&mut parsed, text, items.iter()).ok()?;
        let local = date(&mut parsed)?.and_time(time(&mut parsed)?);
        match parsed.offset() {
            // Out of range where the offset leads before the first year or past the last.
            Some(seconds) => {
                local.checked_sub_signed(Duration::seconds(seconds.into())).map(|utc| utc.and_utc())
            }
            None => at_zone(self.zone, local, pass),
        }
    }
}

/// The date, with 1 January 1900 for what was not given.
fn date(parsed: &mut Parsed) -> Option<NaiveDate> {
    if parsed.year().is_none() && parsed.year_mod_100().is_none() && parsed.isoyear().is_none() {
        parsed.set_year(1900).ok()?;
    }
    let whole = parsed.to_naive_date().or_else(|error| {
        if parsed.month().is_none() {
            parsed.set_month(1).map_err(|_| error)?;
        }
        if parsed.day().is_none() {
            parsed.set_day(1).map_err(|_| error)?;
        }
        parsed.to_naive_date()
    });
    // chrono takes "24" for the year 24; whoever writes that means 2024.
    whole.ok().filter(|date| date.year() >= 1000)
}

/// The time of day, with 00:00 for what was not given.
fn time(parsed: &mut Parsed) -> Option<NaiveTime> {
    if parsed.hour_mod_12().is_none() && parsed.hour_div_12().is_none() {
        parsed.set_hour(0).ok()?;
    } else if parsed.hour_div_12().is_none() {
        parsed.set_ampm(false).ok()?;
    }
    if parsed.minute().is_none() {
        parsed.set_minute(0).ok()?;
    }
    parsed.to_naive_time().ok()
}
