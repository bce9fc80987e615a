//! Moments of the past.

use std::{fmt, str::FromStr};

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

use crate::rows::Revision;

/// A moment of the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// At this revision.
    Revision(Revision),
    /// At this time, by the clock of the database.
    Time(DateTime<Utc>),
}

/// A revision, an RFC 3339 time, or a date with or without a time, in UTC.
impl FromStr for AsOf {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        // No revision is negative.
        if let Some(number) = text.parse().ok().filter(|number| *number >= 0) {
            return Ok(Self::Revision(Revision::new(number)));
        }
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::Time(time.to_utc()));
        }
        for format in ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"] {
            if let Ok(time) = NaiveDateTime::parse_from_str(text, format) {
                return Ok(Self::Time(time.and_utc()));
            }
        }
        let date =
            NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().and_then(|date| date.and_hms_opt(0, 0, 0));
        date.map(|time| Self::Time(time.and_utc())).ok_or(
            "expected a revision such as 42, a time such as 2027-01-31T12:00:00Z, or a date such as 2027-01-31",
        )
    }
}

impl fmt::Display for AsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Revision(revision) => write!(f, "revision {revision}"),
            Self::Time(time) => write!(f, "{}", time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_people_write_them() {
        let time = |text: &str| AsOf::Time(text.parse().unwrap());
        for (text, expected) in [
            ("42", AsOf::Revision(Revision::new(42))),
            (" 2027-01-31T14:00:00+02:00 ", time("2027-01-31T12:00:00Z")),
            ("2027-01-31 12:30", time("2027-01-31T12:30:00Z")),
            ("2027-01-31", time("2027-01-31T00:00:00Z")),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text:?}");
        }
        for text in ["", "yesterday", "31.01.2027", "4.2", "-1"] {
            assert!(text.parse::<AsOf>().unwrap_err().contains("a revision such as 42"), "{text:?}");
        }
    }
}
