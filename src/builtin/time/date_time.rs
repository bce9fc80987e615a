//! A single window of time.

use chrono::{
    DateTime, Datelike, Duration, NaiveDate, NaiveTime, SecondsFormat, Utc,
    format::{Item, Parsed, StrftimeItems, parse},
};
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    activation::{
        Activation, CompileContext, Configured, Phrase, Phrasing, Spans, Verdict, evaluation::Evaluation, sql,
    },
    builtin::{
        register::register,
        time::{
            clock::{INSTANT, Pass, at_zone, instant, next_of, now, rfc3339, zone},
            words,
        },
    },
    context::timestamp::Timestamp,
};

/// See [`Config`].
struct DateTimeWindow {
    start: Timestamp,
    end: Timestamp,
    /// Parses the time of the context. `None` if that is RFC 3339.
    format: Option<Box<DateFormat>>,
}

/// On from `startDateTime`, inclusive, to `endDateTime`, exclusive. Either may be missing.
///
/// ```sql
/// INSERT INTO flags (id, name, status) VALUES (130, 'Black Friday', true);
/// INSERT INTO activations (id, name, class_name, config) VALUES
///     (130, 'Black Friday weekend', 'novi.date_time', '{"startDateTime": "2026-11-27", "endDateTime": "2026-11-30", "timezone": "Europe/Berlin"}'),
///     (131, 'In the format of Python novi', 'novi.date_time', '{"startDateTime": "11/26/2023 12:00 AM",
///         "endDateTime": "11/28/2023 12:00 AM", "format": "%m/%d/%Y %I:%M %p"}');
/// INSERT INTO flags_activations (flag_id, activation_id) VALUES (130, 130);
/// ```
///
/// The time is the attribute `currentDateTime` if the caller has it (an instant, or a string in the row's
/// `format` or in RFC 3339), otherwise the clock. If the string is not a date, the condition is not met.
///
/// Without `format`, a date is `2026-12-01`, which starts at 00:00, a time like `2026-12-01T09:30`, or a time in
/// RFC 3339. `format` has the
/// directives of Python's `strptime`, with these differences: a year under `%Y` has four digits and may have
/// a sign, whitespace before a number is ignored, `%p` needs no space before it, and a weekday must match its
/// date. Missing parts are those of 1 January 1900, 00:00.
///
/// A time without an offset is in `timezone`. If the clocks skip it, the next valid instant counts. If the
/// clocks repeat it, a start and the current time are the first occurrence, and an end is the second.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The start of the window. Default: no start
    #[serde(default, rename = "startDateTime")]
    #[schemars(extend("x-novi-input" = "time", "x-novi-order" = 1))]
    start: Option<String>,
    /// The end of the window. Default: no end
    #[serde(default, rename = "endDateTime")]
    #[schemars(extend("x-novi-input" = "time", "x-novi-order" = 2))]
    end: Option<String>,
    /// The format of dates, with directives of strptime. Default: 2026-12-01, 2026-12-01T09:30, or RFC 3339
    #[serde(default)]
    format: Option<String>,
    /// The IANA time zone of dates without an offset, such as Europe/Berlin. Default: UTC
    #[serde(default)]
    #[schemars(extend("x-novi-input" = "timezone"))]
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
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Verdict {
        let format = || self.format.as_deref();
        let parse = |text: &str| match format() {
            Some(format) => format.parse(text, Pass::First),
            None => rfc3339(text),
        };
        let expected = || format().map_or_else(|| RFC_3339.to_owned(), DateFormat::expected);
        let Some(now) = now(evaluation, parse, expected) else { return Verdict::Off };
        evaluation.note(|| self.describe());
        (self.start <= now.at && now.at < self.end).into()
    }

    fn next_change(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // An empty window never opens.
        let window = (self.start < self.end).then_some([self.start, self.end]);
        next_of(window.into_iter().flatten(), after)
    }

    fn spans(&self, spans: &mut Spans) {
        let time = |at: Timestamp| DateTime::from_timestamp(at.seconds(), 0);
        let start = if self.start == Timestamp::MIN { Some(spans.from()) } else { time(self.start) };
        let end = if self.end == Timestamp::MAX { Some(spans.to()) } else { time(self.end) };
        if let Some((start, end)) = start.zip(end) {
            spans.window(start, end);
        }
    }
}

impl DateTimeWindow {
    fn describe(&self) -> String {
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

    fn configure(config: Config, row: &mut CompileContext<'_>) -> Option<Self> {
        let mut format = DateFormat::default();
        if let Some(text) = config.format {
            let Some(items) = parse_format(&text) else {
                let message = format!("expected a date format like \"%Y-%m-%d %H:%M\", found {text:?}");
                row.problem(".format", message);
                return None;
            };
            format.items = Some((text, items));
        }
        format.zone = zone(config.timezone.as_deref(), row)?;
        let mut parse = |path, text: Option<&str>, pass| {
            let text = text?;
            let parsed = format.parse(text, pass);
            if parsed.is_none() {
                row.problem(path, format!("expected {}, found {text:?}", format.expected()));
            }
            parsed.map(Timestamp::from)
        };
        let start = parse(".startDateTime", config.start.as_deref(), Pass::First);
        let end = parse(".endDateTime", config.end.as_deref(), Pass::Last);
        let (start, end) = (start.unwrap_or(Timestamp::MIN), end.unwrap_or(Timestamp::MAX));
        let format = format.items.is_some().then(|| Box::new(format));
        Some(Self { start, end, format })
    }

    fn words(config: &Config, _: &mut Phrasing<'_>) -> Phrase {
        let Some((start, end, zone)) = bounds(config) else {
            return Phrase::period("at a time that is invalid");
        };
        Phrase::period(words::window(start, end, zone))
    }

    fn config_to_sql(config: &Config, sql: &mut sql::SqlContext<'_>) -> sql::Condition {
        match bounds(config) {
            Some((start, end, _)) => sql::Expression::clock(start, end).into(),
            None => sql.refuse("", "the window is invalid"),
        }
    }
}

/// Whether a config of `novi.date_time` is valid and never on, because its end is not after its start.
#[must_use]
pub fn window_is_empty(config: &str) -> bool {
    let bounds = serde_json::from_str::<Config>(config).ok().and_then(|config| bounds(&config));
    matches!(bounds, Some((Some(start), Some(end), _)) if end <= start)
}

/// The start, the end and the zone of a window.
type Bounds = (Option<DateTime<Utc>>, Option<DateTime<Utc>>, Tz);

/// The bounds of a valid config.
fn bounds(config: &Config) -> Option<Bounds> {
    let mut format = DateFormat::default();
    if let Some(text) = &config.format {
        format.items = Some((text.clone(), parse_format(text)?));
    }
    if let Some(name) = &config.timezone {
        format.zone = name.parse().ok()?;
    }
    let parse = |text: &Option<String>, pass| match text {
        None => Some(None),
        Some(text) => format.parse(text, pass).map(Some),
    };
    Some((parse(&config.start, Pass::First)?, parse(&config.end, Pass::Last)?, format.zone))
}

/// Parses a format of strptime; `None` if it has an unknown directive.
fn parse_format(format: &str) -> Option<Vec<Item<'static>>> {
    // Python's `%f` has the digits after the point; that of chrono includes the point.
    StrftimeItems::new(&format.replace(".%f", "%.f")).parse_to_owned().ok()
}

/// The expected time of the context if a row has no format.
const RFC_3339: &str = "a time like \"2026-11-20T09:30:00Z\" (RFC 3339)";

/// The format of a row's dates.
#[derive(Debug, Default)]
struct DateFormat {
    items: Option<(String, Vec<Item<'static>>)>,
    zone: Tz,
}

impl DateFormat {
    fn expected(&self) -> String {
        match &self.items {
            Some((format, _)) => format!("a date like {format:?}"),
            None => format!("{INSTANT}, or a `format`"),
        }
    }

    fn parse(&self, text: &str, pass: Pass) -> Option<DateTime<Utc>> {
        let parsed = match &self.items {
            Some((_, items)) => self.parse_items(items, text, pass),
            None => return instant(text, self.zone, pass),
        };
        parsed.or_else(|| rfc3339(text))
    }

    fn parse_items(&self, items: &[Item<'static>], text: &str, pass: Pass) -> Option<DateTime<Utc>> {
        let mut parsed = Parsed::new();
        parse(&mut parsed, text, items.iter()).ok()?;
        let local = date(&mut parsed)?.and_time(time(&mut parsed)?);
        match parsed.offset() {
            // `None` if the offset leads out of the range of years.
            Some(seconds) => {
                local.checked_sub_signed(Duration::seconds(seconds.into())).map(|utc| utc.and_utc())
            }
            None => at_zone(self.zone, local, pass),
        }
    }
}

/// The date. Missing parts are those of 1 January 1900.
fn date(parsed: &mut Parsed) -> Option<NaiveDate> {
    if parsed.year().is_none() && parsed.year_mod_100().is_none() && parsed.isoyear().is_none() {
        parsed.set_year(1900).ok()?;
    }
    let date = parsed.to_naive_date().or_else(|error| {
        if parsed.month().is_none() {
            parsed.set_month(1).map_err(|_| error)?;
        }
        if parsed.day().is_none() {
            parsed.set_day(1).map_err(|_| error)?;
        }
        parsed.to_naive_date()
    });
    // chrono parses "24" as the year 24, where 2024 is meant.
    date.ok().filter(|date| date.year() >= 1000)
}

/// The time of day. Missing parts are those of 00:00.
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
