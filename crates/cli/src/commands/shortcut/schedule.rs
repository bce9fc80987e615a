//! `novi schedule`.

use std::{borrow::Cow, process::ExitCode};

use chrono::{NaiveDate, NaiveDateTime, SecondsFormat, TimeZone as _};
use chrono_tz::Tz;
use clap::Args;
use jsonc_parser::cst::CstObject;
use novi::builtin::{skipped_time, window_is_empty};
use serde::Deserialize;

use super::{
    args::{HOW, ShortcutOptions},
    edits::{Edits, Found, new_config, set},
    place::Kind,
};
use crate::{commands::change::perform, output::Failure, session::Session};

const WINDOW: Kind = Kind { class: "novi.date_time", noun: "schedule", instead: &[] };

const EXAMPLES: &str = "\
Examples:
  novi schedule sale --on 2026-11-27 --off 2026-11-30 --timezone Europe/Berlin
  novi schedule sale --on 2026-12-01T08:00+01:00
  novi schedule sale --off none

The flag is on from --on, inclusive, to --off, exclusive. The other side stays as it is. For windows that repeat, create an \
activation of type novi.schedule.
";

/// Turn a flag on and off at a time
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n{HOW}"))]
#[group(id = "bounds", args = ["on", "off"], required = true, multiple = true)]
pub(crate) struct Schedule {
    /// Flags by name or #ID
    #[arg(required = true, value_name = "FLAG")]
    flags: Vec<String>,

    /// Start: a time such as 2026-12-01T08:00+01:00, a date, or none
    #[arg(long, value_name = "TIME")]
    on: Option<String>,

    /// End: a time, a date, or none
    #[arg(long, value_name = "TIME")]
    off: Option<String>,

    /// Time zone of times without an offset, such as Europe/Berlin [default: that of the schedule, or UTC]
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    timezone: Option<Tz>,

    #[command(flatten)]
    shortcut: ShortcutOptions,
}

impl Schedule {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let Self { flags, on, off, timezone, shortcut } = self;
        shortcut.options.version_of_one(&flags)?;
        let bounds = |config: &str| {
            let zone = timezone.or_else(|| own_zone(config)).unwrap_or_default();
            let read = |option: &str, text: &Option<String>, is_end| {
                text.as_deref().map(|text| instant(option, text, zone, is_end)).transpose()
            };
            Ok::<_, Failure>([
                ("startDateTime", read("--on", &on, false)?),
                ("endDateTime", read("--off", &off, true)?),
            ])
        };
        let fill = |config: &CstObject, bounds: [(&str, Option<Option<String>>); 2]| {
            for (field, time) in bounds {
                match time {
                    Some(Some(time)) => set(config, field, time.into()),
                    Some(None) => {
                        if let Some(field) = config.get(field) {
                            field.remove();
                        }
                    }
                    None => (),
                }
            }
            // In words, the window is in this zone.
            if let Some(timezone) = timezone {
                set(config, "timezone", timezone.name().into());
            }
        };
        perform(session, shortcut.options.clone(), |current| {
            let (mut edits, rows) = Edits::new(current, &flags, &shortcut)?;
            for flag in rows {
                let initial = || {
                    let bounds = bounds("{}")?;
                    let config = new_config(|config| fill(config, bounds))?;
                    not_empty(&config)?;
                    Ok(config)
                };
                if let Found::Existing(place) = edits.find(flag, &WINDOW, initial)? {
                    let bounds = bounds(&edits.config(&place)?)?;
                    edits.edit(&place, |config| fill(config, bounds))?;
                    not_empty(&edits.config(&place)?)?;
                }
            }
            edits.into_draft()
        })
        .await
    }
}

/// Refuses a window that ends before it starts.
fn not_empty(config: &str) -> Result<(), Failure> {
    if window_is_empty(config) {
        return Err(Failure::rejected(format!(
            "the window would be empty, since its end is not after its start: {config}; give --on and --off, or none \
             for the other one"
        )));
    }
    Ok(())
}

/// The time zone that a config has.
fn own_zone(config: &str) -> Option<Tz> {
    #[derive(Deserialize)]
    struct Zoned<'a> {
        #[serde(borrow)]
        timezone: Cow<'a, str>,
    }
    serde_json::from_str::<Zoned<'_>>(config).ok()?.timezone.parse().ok()
}

fn zone(text: &str) -> Result<Tz, &'static str> {
    text.parse().map_err(|_| "expected an IANA time zone, such as Europe/Berlin")
}

/// The instant in RFC 3339, which a config takes whatever its `format` is; `None` for no bound.
fn instant(option: &str, text: &str, zone: Tz, is_end: bool) -> Result<Option<String>, Failure> {
    if text == "none" {
        return Ok(None);
    }
    for format in
        ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z", "%Y-%m-%d %H:%M%#z"]
    {
        if let Ok(time) = chrono::DateTime::parse_from_str(text, format) {
            return Ok(Some(time.to_rfc3339_opts(SecondsFormat::AutoSi, true)));
        }
    }
    let formats = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
    let local = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let local = local.or_else(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0));
    let Some(local) = local else {
        let message = format!(
            "{option}: expected a time such as 2026-12-01T08:00+01:00, a date such as 2026-12-01, or none, found {text:?}"
        );
        return Err(Failure::usage(message));
    };
    // Of a time that the clocks repeat, a start is the first and an end the second, as in the type.
    let times = zone.from_local_datetime(&local);
    let time = if is_end { times.latest() } else { times.earliest() };
    let time = time.ok_or_else(|| {
        // A day may have no midnight.
        let message = skipped_time(text, zone.name())
            .or_else(|| skipped_time(&format!("{text}T00:00"), zone.name()))
            .unwrap_or_default();
        Failure::usage(format!("{option}: {message}"))
    })?;
    Ok(Some(time.to_rfc3339_opts(SecondsFormat::AutoSi, true)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_become_rfc_3339() {
        let read = |text, is_end| instant("--on", text, Tz::Europe__Berlin, is_end).ok().flatten();
        for (text, expected) in [
            ("2026-12-01T08:00+01:00", "2026-12-01T08:00:00+01:00"),
            ("2026-12-01T08:00:30Z", "2026-12-01T08:00:30Z"),
            ("2026-12-01 08:00", "2026-12-01T08:00:00+01:00"),
            ("2026-07-01", "2026-07-01T00:00:00+02:00"),
        ] {
            assert_eq!(read(text, false).as_deref(), Some(expected), "{text}");
        }
        // The clocks go back at 03:00 on 2026-10-25, and skip 02:30 on 2026-03-29.
        assert_eq!(read("2026-10-25T02:30", false).as_deref(), Some("2026-10-25T02:30:00+02:00"));
        assert_eq!(read("2026-10-25T02:30", true).as_deref(), Some("2026-10-25T02:30:00+01:00"));
        for text in ["2026-03-29T02:30", "tomorrow", "", "2026-13-01"] {
            assert!(instant("--on", text, Tz::Europe__Berlin, false).is_err(), "{text}");
        }
        assert_eq!(instant("--on", "none", Tz::UTC, false).unwrap(), None);
    }
}
