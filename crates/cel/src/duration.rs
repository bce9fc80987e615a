//! Limits, parsing and formatting of durations.

use chrono::TimeDelta;

/// The longest duration in seconds, about 10,000 years, as in Protocol Buffers.
const LONGEST: i64 = 315_576_000_000;

/// The duration, or `None` if it is too long.
pub(crate) fn in_range(duration: TimeDelta) -> Option<TimeDelta> {
    let longest = TimeDelta::try_seconds(LONGEST)?;
    (-longest <= duration && duration <= longest).then_some(duration)
}

/// Parses a duration: numbers with units, as in `1h30m` or `-1.5s`.
pub(crate) fn parse(text: &str) -> Option<TimeDelta> {
    const UNITS: [(&str, i128); 7] = [
        ("ns", 1),
        ("us", 1_000),
        ("µs", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ];
    // No valid number has more digits.
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
            let rest = unit.strip_prefix(name);
            // `m` is also the start of `ms`.
            rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphabetic()))
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
    in_range(TimeDelta::new(i64::try_from(seconds).ok()?, u32::try_from(below).ok()?)?)
}

/// Formats a duration in seconds: `5400s`, `-1.5s`.
pub(crate) fn format(duration: TimeDelta) -> String {
    let nanos = i128::from(duration.num_seconds()) * 1_000_000_000 + i128::from(duration.subsec_nanos());
    let (sign, nanos) = (if nanos < 0 { "-" } else { "" }, nanos.unsigned_abs());
    let (seconds, below) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    if below == 0 {
        return format!("{sign}{seconds}s");
    }
    let below = format!("{below:09}");
    format!("{sign}{seconds}.{}s", below.trim_end_matches('0'))
}
