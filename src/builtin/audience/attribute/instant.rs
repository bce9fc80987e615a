//! Points in time.

use chrono::{DateTime, NaiveTime, Utc};

use crate::{builtin::time::clock, context::value::Value};

/// Converts a value: an instant, or a string that can be [parsed](parse).
pub(super) fn from_value(value: &Value<'_>) -> Option<DateTime<Utc>> {
    match value {
        Value::Instant(instant) => Some(*instant),
        Value::Str(text) => parse(text),
        _ => None,
    }
}

/// Parses a time in RFC 3339, or a date, which is its first instant in UTC.
pub(super) fn parse(text: &str) -> Option<DateTime<Utc>> {
    match clock::date(text) {
        Some(date) => Some(date.and_time(NaiveTime::MIN).and_utc()),
        None => clock::rfc3339(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_are_parsed() {
        let parse = |text| parse(text).map(|instant| instant.to_rfc3339());
        assert_eq!(parse("2026-01-02").as_deref(), Some("2026-01-02T00:00:00+00:00"));
        assert_eq!(parse("2026-01-02T03:04:05.5+01:00").as_deref(), Some("2026-01-02T02:04:05.500+00:00"));
        for text in [
            "",
            "2026",
            "2026-02-30",
            "+026-01-01",
            "2026-1-01",
            "2026-01-01T00:00:00",
            "20260101",
            "1767225600",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
