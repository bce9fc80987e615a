//! Points in time.

use chrono::{DateTime, NaiveTime, Utc};

use crate::{builtin::time::clock as time, context::value::Value};

/// The point in time that a value is: an instant, or text that [is read](read) as one.
pub(super) fn of(value: &Value<'_>) -> Option<DateTime<Utc>> {
    match value {
        Value::Instant(instant) => Some(*instant),
        Value::Str(text) => read(text),
        _ => None,
    }
}

/// Reads RFC 3339, or a date alone, which is its first instant in UTC.
pub(super) fn read(text: &str) -> Option<DateTime<Utc>> {
    match time::date(text) {
        Some(date) => Some(date.and_time(NaiveTime::MIN).and_utc()),
        None => time::rfc3339(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_are_read() {
        let read = |text| read(text).map(|instant| instant.to_rfc3339());
        assert_eq!(read("2026-01-02").as_deref(), Some("2026-01-02T00:00:00+00:00"));
        assert_eq!(read("2026-01-02T03:04:05.5+01:00").as_deref(), Some("2026-01-02T02:04:05.500+00:00"));
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
            assert_eq!(read(text), None, "{text}");
        }
    }
}
