//! The key by which a caller is drawn.

use std::fmt::{Display, Write as _};

use arrayvec::ArrayString;

use crate::context::value::Value;

/// Calls a function with the key of a caller: a string, or the decimal digits of a whole number, so that 7,
/// 7.0 and "7" are the same caller. `None` for the empty string and for other values: they identify nobody.
#[inline(always)]
pub(crate) fn with_key<T>(value: &Value<'_>, use_key: impl FnOnce(&str) -> T) -> Option<T> {
    match value {
        Value::Str(text) if !text.is_empty() => Some(use_key(text)),
        value => with_rare_key(value, use_key),
    }
}

/// Keys other than strings. Apart, so that callers reserve nothing for the digits (W2 and W6 of
/// `scripts/instructions`).
#[inline(never)]
fn with_rare_key<T>(value: &Value<'_>, use_key: impl FnOnce(&str) -> T) -> Option<T> {
    let digits = match value {
        Value::BigInt(text) => return Some(use_key(text)),
        Value::Int(number) => digits(number)?,
        Value::UInt(number) => digits(number)?,
        // Longer than digits of integers, and rare enough to allocate.
        Value::Float(number) => return Some(use_key(&digits_of_float(*number)?)),
        _ => return None,
    };
    Some(use_key(&digits))
}

/// The decimal digits of a whole number; `None` for a fraction.
#[cold]
fn digits_of_float(number: f64) -> Option<String> {
    // Positive zero, whose digits have no sign.
    (number.fract() == 0.0).then(|| (number + 0.0).to_string())
}

/// The decimal digits of an integer of 64 bits: at most twenty, or nineteen and a sign.
pub(crate) fn digits(number: &dyn Display) -> Option<ArrayString<20>> {
    let mut text = ArrayString::new();
    write!(text, "{number}").ok()?;
    Some(text)
}
