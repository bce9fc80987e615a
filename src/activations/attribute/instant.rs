//! Points in time.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use crate::Value;

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
    match date(text.as_bytes()) {
        Some(date) => Some(date.and_time(NaiveTime::MIN).and_utc()),
        None => Some(DateTime::parse_from_rfc3339(text).ok()?.to_utc()),
    }
}

/// Written out, since chrono would take "+26-1-1" too.
fn date(text: &[u8]) -> Option<NaiveDate> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text else { return None };
    let number = |digits: &[u8]| {
        let digit = |byte: &u8| byte.is_ascii_digit().then(|| u32::from(byte - b'0'));
        digits.iter().try_fold(0, |number, byte| Some(number * 10 + digit(byte)?))
    };
    let year = i32::try_from(number(&[*y1, *y2, *y3, *y4])?).ok()?;
    NaiveDate::from_ymd_opt(year, number(&[*m1, *m2])?, number(&[*d1, *d2])?)
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
