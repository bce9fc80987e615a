//! Times in three inputs: the date, the time of the day, and the offset from UTC.

use chrono::{NaiveDate, NaiveTime};

/// The date, time and offset of a text such as `2026-12-01` or `2026-12-01T09:00:00Z`. `None` if the inputs cannot
/// have all of it.
pub(super) fn split(text: &str) -> Option<(String, String, String)> {
    let Some((date, rest)) = text.split_once('T') else {
        return is_date(text).then(|| (text.to_owned(), String::new(), String::new()));
    };
    let (time, offset) = rest.split_at_checked(8)?;
    let is_exact = NaiveTime::parse_from_str(time, "%H:%M:%S").is_ok() && join(date, time, offset) == text;
    // An input of a browser leaves out seconds that are 0.
    let short = time.strip_suffix(":00").unwrap_or(time);
    (is_date(date) && is_exact && is_offset(offset))
        .then(|| (date.to_owned(), short.to_owned(), offset.to_owned()))
}

/// The text of three inputs. A time without an offset is one in UTC.
pub(super) fn join(date: &str, time: &str, offset: &str) -> String {
    if time.is_empty() && offset.is_empty() {
        return date.to_owned();
    }
    let time = match time.len() {
        0 => "00:00:00".to_owned(),
        5 => format!("{time}:00"),
        _ => time.to_owned(),
    };
    let offset = if offset.is_empty() { "Z" } else { offset };
    format!("{date}T{time}{offset}")
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
            let (date, time, offset) = split(text).unwrap();
            assert_eq!(join(&date, &time, &offset), text);
        }
        for text in
            ["11/26/2023 12:00 AM", "2026-12-01T09:00:00.5Z", "2026-12-01T09:00:00z", "2026-13-01", "", "T"]
        {
            assert_eq!(split(text), None, "{text}");
        }
        assert_eq!(join("2026-12-01", "09:00", ""), "2026-12-01T09:00:00Z");
    }
}
