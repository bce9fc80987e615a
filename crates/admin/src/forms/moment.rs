//! Times in three inputs: the date, the time of the day, and the offset from UTC.

use chrono::{NaiveDate, NaiveTime};

/// The date, time and offset of a text such as `2026-12-01` or `2026-12-01T09:00:00Z`. `None` if the inputs cannot
/// have all of it. Beside a time zone, a time needs no offset.
pub(super) fn split(text: &str, has_zone: bool) -> Option<(String, String, String)> {
    let Some((date, rest)) = text.split_once('T') else {
        return is_date(text).then(|| (text.to_owned(), String::new(), String::new()));
    };
    if has_zone && is_date(date) && is_time(rest) {
        return Some((date.to_owned(), short(rest).to_owned(), String::new()));
    }
    let (time, offset) = rest.split_at_checked(8)?;
    let is_exact = is_time(time) && join(date, time, offset, has_zone) == text;
    (is_date(date) && is_exact && is_offset(offset))
        .then(|| (date.to_owned(), short(time).to_owned(), offset.to_owned()))
}

/// The text of three inputs. A time without an offset is in UTC, or in the time zone of the same object.
pub(super) fn join(date: &str, time: &str, offset: &str, has_zone: bool) -> String {
    match (time, offset) {
        ("", "") => date.to_owned(),
        (time, "") if has_zone => format!("{date}T{time}"),
        (time, offset) => {
            let seconds = match time.len() {
                0 => "00:00:00",
                5 => ":00",
                _ => "",
            };
            let offset = if offset.is_empty() { "Z" } else { offset };
            format!("{date}T{time}{seconds}{offset}")
        }
    }
}

/// An input of a browser leaves out seconds that are 0.
fn short(time: &str) -> &str {
    if time.len() == 8 { time.strip_suffix(":00").unwrap_or(time) } else { time }
}

fn is_time(text: &str) -> bool {
    let format = if text.len() == 5 { "%H:%M" } else { "%H:%M:%S" };
    matches!(text.len(), 5 | 8) && NaiveTime::parse_from_str(text, format).is_ok()
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()
}

fn is_offset(text: &str) -> bool {
    let is_hours = |rest: &str| rest.len() == 5 && NaiveTime::parse_from_str(rest, "%H:%M").is_ok();
    text == "Z" || text.strip_prefix(['+', '-']).is_some_and(is_hours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_split_and_joined() {
        for text in ["2026-12-01", "2026-12-01T09:00:00Z", "2026-12-01T09:00:30+02:00"] {
            for has_zone in [false, true] {
                let (date, time, offset) = split(text, has_zone).unwrap();
                assert_eq!(join(&date, &time, &offset, has_zone), text);
            }
        }
        for text in ["2026-12-01T09:00", "2026-12-01T09:00:30"] {
            assert_eq!(split(text, false), None, "{text}");
            let (date, time, offset) = split(text, true).unwrap();
            assert_eq!(join(&date, &time, &offset, true), text);
        }
        for text in
            ["11/26/2023 12:00 AM", "2026-12-01T09:00:00.5Z", "2026-12-01T09:00:00z", "2026-13-01", "", "T"]
        {
            assert_eq!(split(text, true), None, "{text}");
        }
        assert_eq!(join("2026-12-01", "09:00", "", false), "2026-12-01T09:00:00Z");
        assert_eq!(join("2026-12-01", "09:00", "", true), "2026-12-01T09:00");
    }
}
