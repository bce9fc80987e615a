//! Conversions from one kind of value to another, and what they read and write.

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, TimeDelta, Utc};

use crate::builtin::expression::value::{Text, Type, Val};

/// The longest duration, in seconds: some 10,000 years, as CEL's messages have it.
const LONGEST_DURATION: i64 = 315_576_000_000;

/// An instant, if its year is of those that timestamps have: 1 to 9999.
pub(super) fn instant(instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let limit = |year| Some(NaiveDate::from_ymd_opt(year, 1, 1)?.and_time(NaiveTime::MIN).and_utc());
    (limit(1)? <= instant && instant < limit(10_000)?).then_some(instant)
}

/// A duration, if it is not too long.
pub(super) fn duration(duration: TimeDelta) -> Option<TimeDelta> {
    let longest = TimeDelta::try_seconds(LONGEST_DURATION)?;
    (-longest <= duration && duration <= longest).then_some(duration)
}

/// Reads a duration: numbers with units, as in `1h30m` or `-1.5s`.
pub(super) fn read_duration(text: &str) -> Option<TimeDelta> {
    const UNITS: [(&str, i128); 7] = [
        ("ns", 1),
        ("us", 1_000),
        ("µs", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ];
    // No number in a duration has more digits.
    const MOST_DIGITS: usize = 20;
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(TimeDelta::zero());
    }
    if rest.is_empty() {
        return None;
    }
    let mut nanos = 0_i128;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, unit) = rest.split_at(end);
        let (name, factor) = UNITS.iter().find(|(name, _)| {
            let behind = unit.strip_prefix(name);
            // `m` also starts `ms`.
            behind.is_some_and(|behind| !behind.starts_with(|c: char| c.is_alphabetic()))
        })?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || fraction.contains('.') || number.len() > MOST_DIGITS {
            return None;
        }
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        nanos = nanos.checked_add(whole.checked_mul(*factor)?)?;
        let mut part = *factor;
        for digit in fraction.bytes() {
            part /= 10;
            nanos = nanos.checked_add(i128::from(digit - b'0') * part)?;
        }
        rest = unit.get(name.len()..)?;
    }
    let nanos = sign * nanos;
    let (seconds, below) = (nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000));
    duration(TimeDelta::new(i64::try_from(seconds).ok()?, u32::try_from(below).ok()?)?)
}

/// A duration in seconds: `5400s`, `-1.5s`.
pub(super) fn duration_text(duration: TimeDelta) -> String {
    let nanos = i128::from(duration.num_seconds()) * 1_000_000_000 + i128::from(duration.subsec_nanos());
    let (sign, nanos) = (if nanos < 0 { "-" } else { "" }, nanos.unsigned_abs());
    let (seconds, below) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    if below == 0 {
        return format!("{sign}{seconds}s");
    }
    let below = format!("{below:09}");
    format!("{sign}{seconds}.{}s", below.trim_end_matches('0'))
}

pub(super) fn read_instant(text: &str) -> Option<DateTime<Utc>> {
    instant(DateTime::parse_from_rfc3339(text).ok()?.to_utc())
}

/// A value as another kind; nothing if it can not be one.
pub(super) fn to(kind: Type, value: Val<'_>) -> Option<Val<'_>> {
    if value.kind() == kind {
        return Some(value);
    }
    match kind {
        Type::Bool => to_bool(&value),
        Type::Int => to_int(&value),
        Type::UInt => to_uint(&value),
        Type::Double => to_double(&value),
        Type::String => to_text(&value),
        Type::Timestamp => match value {
            Val::Text(text) => read_instant(&text).map(Val::Instant),
            Val::Int(seconds) => instant(DateTime::from_timestamp(seconds, 0)?).map(Val::Instant),
            _ => None,
        },
        Type::Duration => match value {
            Val::Text(text) => read_duration(&text).map(Val::Duration),
            _ => None,
        },
        _ => None,
    }
}

fn to_bool(value: &Val<'_>) -> Option<Val<'static>> {
    let Val::Text(text) = value else { return None };
    match &**text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(Val::Bool(true)),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(Val::Bool(false)),
        _ => None,
    }
}

fn to_int(value: &Val<'_>) -> Option<Val<'static>> {
    // 2^63, the first beyond.
    const END: f64 = 9_223_372_036_854_775_808.0;
    match value {
        Val::UInt(number) => i64::try_from(*number).ok(),
        #[expect(clippy::cast_possible_truncation, reason = "in range; the fraction is dropped")]
        Val::Float(number) => (-END < *number && *number < END).then_some(*number as i64),
        Val::Text(text) => text.parse().ok(),
        Val::Instant(instant) => Some(instant.timestamp()),
        _ => None,
    }
    .map(Val::Int)
}

fn to_uint(value: &Val<'_>) -> Option<Val<'static>> {
    // 2^64, the first beyond.
    const END: f64 = 18_446_744_073_709_551_616.0;
    match value {
        Val::Int(number) => u64::try_from(*number).ok(),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range")]
        Val::Float(number) => (0.0 <= *number && *number < END).then_some(*number as u64),
        Val::Text(text) => text.parse().ok(),
        _ => None,
    }
    .map(Val::UInt)
}

#[expect(clippy::cast_precision_loss, reason = "as CEL says")]
fn to_double(value: &Val<'_>) -> Option<Val<'static>> {
    match value {
        Val::Int(number) => Some(*number as f64),
        Val::UInt(number) => Some(*number as f64),
        Val::Text(text) => text.parse().ok(),
        _ => None,
    }
    .map(Val::Float)
}

fn to_text(value: &Val<'_>) -> Option<Val<'static>> {
    match value {
        Val::Bool(value) => Some(value.to_string()),
        Val::Int(number) => Some(number.to_string()),
        Val::UInt(number) => Some(number.to_string()),
        Val::Float(number) => Some(number.to_string()),
        Val::Instant(instant) => Some(instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
        Val::Duration(duration) => Some(duration_text(*duration)),
        _ => None,
    }
    .map(Val::text)
}

/// In small letters, or in large ones; the same text where nothing changes.
pub(super) fn in_case(text: Text<'_>, upper: bool) -> Text<'_> {
    let stays = |c: char| {
        if upper { c.is_ascii() && !c.is_ascii_lowercase() } else { c.is_ascii() && !c.is_ascii_uppercase() }
    };
    if text.chars().all(stays) {
        return text;
    }
    Text::Own(if upper { text.to_uppercase() } else { text.to_lowercase() }.into())
}
