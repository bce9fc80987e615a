//! An expiry.

use chrono::{DateTime, SecondsFormat, Utc};
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
            clock::{INSTANT, Pass, instant, next_of, now_in_rfc3339, zone},
            words,
        },
    },
    context::timestamp::Timestamp,
};

/// See [`Config`].
struct Expires {
    at: Timestamp,
}

/// On before `at`, and off from then on.
///
/// ```sql
/// INSERT INTO flags (id, name, status) VALUES (150, 'Old importer', true);
/// INSERT INTO activations (id, name, class_name, config) VALUES
///     (150, 'Until the new year', 'novi.expires', '{"at": "2027-01-01", "timezone": "Europe/Berlin"}');
/// INSERT INTO flags_activations (flag_id, activation_id) VALUES (150, 150);
/// ```
///
/// The time is the attribute `currentDateTime` if the caller has it (an instant, or a string in RFC 3339),
/// otherwise the clock. If the string is not a time, the condition is not met.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The end: a date, which means its first instant, or a time like 2026-12-31T18:00 or in RFC 3339
    #[schemars(extend("x-novi-input" = "time"))]
    at: String,
    /// The IANA time zone of a date or a time without an offset, such as Europe/Berlin. Default: UTC
    #[serde(default)]
    #[schemars(extend("x-novi-input" = "timezone"))]
    timezone: Option<String>,
}

register!(Expires, "novi.expires", [], "On before an instant, and off from then on");

impl Activation for Expires {
    #[inline]
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Verdict {
        let Some(now) = now_in_rfc3339(evaluation) else { return Verdict::Off };
        evaluation
            .note(|| format!("on before {}", self.at.date().to_rfc3339_opts(SecondsFormat::AutoSi, true)));
        (now.at < self.at).into()
    }

    fn next_change(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        next_of([self.at], after)
    }

    fn spans(&self, spans: &mut Spans) {
        let from = spans.from();
        spans.window(from, self.at.date());
    }
}

impl Configured for Expires {
    type Config = Config;

    fn configure(config: Config, row: &mut CompileContext<'_>) -> Option<Self> {
        let zone = zone(config.timezone.as_deref(), row);
        // If the zone is invalid, that is reported already; any zone serves to find more problems.
        let at = instant(&config.at, zone.unwrap_or_default(), Pass::Last);
        if at.is_none() {
            row.problem(".at", format!("expected {INSTANT}, found {:?}", config.at));
        }
        zone?;
        Some(Self { at: at?.into() })
    }

    fn words(config: &Config, _: &mut Phrasing<'_>) -> Phrase {
        let zone = config.timezone.as_deref().map_or(Some(Tz::UTC), |name| name.parse().ok());
        let at = zone.and_then(|zone| instant(&config.at, zone, Pass::Last));
        match zone.zip(at) {
            Some((zone, at)) => Phrase::period(words::window(None, Some(at), zone)),
            None => Phrase::period("before a time that is invalid"),
        }
    }

    fn config_to_sql(config: &Config, sql: &mut sql::SqlContext<'_>) -> sql::Condition {
        let zone = config.timezone.as_deref().map_or(Some(Tz::UTC), |name| name.parse().ok());
        match zone.and_then(|zone| instant(&config.at, zone, Pass::Last)) {
            Some(at) => sql::Expression::clock(None, Some(at)).into(),
            None => sql.refuse(".at", "the time is invalid"),
        }
    }
}
