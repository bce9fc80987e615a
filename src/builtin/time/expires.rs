//! An end.

use chrono::{DateTime, SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    activation::{Activation, Compile, Configured, Verdict, evaluation::Check},
    builtin::{
        register,
        time::clock::{date, next_of, now_in_rfc3339, rfc3339, start_of_day, zone},
    },
    context::timestamp::Timestamp,
};

/// [`Config`] tells all of it.
struct Expires {
    at: Timestamp,
}

/// On before `at`, and off from then on.
///
/// ```sql
/// INSERT INTO activations VALUES (10, 'Until the new year', 'novi.expires', '{"at": "2027-01-01", "timezone": "Europe/Berlin"}');
/// ```
///
/// The time is the context's `currentDateTime` if it has one (an instant, or text in RFC 3339), else the clock. Text that
/// is no time means off.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// When it ends: a date, whose first instant is meant, or a time in RFC 3339
    at: String,
    /// The IANA time zone of a date, such as Europe/Berlin; absent: UTC
    #[serde(default)]
    timezone: Option<String>,
}

register!(Expires, "novi.expires", [], "On before an instant, and off from then on");

impl Activation for Expires {
    #[inline]
    fn evaluate(&self, check: &Check<'_>) -> Verdict {
        let Some(now) = now_in_rfc3339(check) else { return Verdict::Off };
        check.note(|| format!("on before {}", self.at.date().to_rfc3339_opts(SecondsFormat::AutoSi, true)));
        (now.at < self.at).into()
    }

    fn next_change(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        next_of([self.at], after)
    }
}

impl Configured for Expires {
    type Config = Config;

    fn configure(config: Config, row: &mut Compile<'_>) -> Option<Self> {
        let zone = zone(config.timezone.as_deref(), row);
        let at = match date(&config.at) {
            // Without the zone there is a problem already, and any will do to look for others.
            Some(date) => start_of_day(zone.unwrap_or_default(), date),
            None => rfc3339(&config.at),
        };
        if at.is_none() {
            let expected =
                "expected a date like \"2026-12-31\" or a time like \"2026-12-31T18:00:00Z\" (RFC 3339)";
            row.problem(".at", format!("{expected}, found {:?}", config.at));
        }
        zone?;
        Some(Self { at: at?.into() })
    }
}
