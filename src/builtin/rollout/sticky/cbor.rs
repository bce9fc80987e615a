//! flagd's encoding of keys: deterministic CBOR, by section 4.2.1 of
//! [RFC 8949](https://www.rfc-editor.org/rfc/rfc8949#section-4.2.1). Whole numbers are integers, however they are
//! written. The bytes are hashed as they are made.

use std::cmp::Ordering;

use crate::{activation::bucket::Salted, context::value::Value};

const UNSIGNED: u8 = 0 << 5;
const NEGATIVE: u8 = 1 << 5;
const TEXT: u8 = 3 << 5;
const ARRAY: u8 = 4 << 5;
const MAP: u8 = 5 << 5;
const FALSE: u8 = 0xf4;
const TRUE: u8 = 0xf5;
const NULL: u8 = 0xf6;
const HALF: u8 = 0xf9;
const SINGLE: u8 = 0xfa;
const DOUBLE: u8 = 0xfb;

/// Appends a list of two texts.
pub(super) fn pair(hash: Salted, one: &str, other: &str) -> Salted {
    text(text(head(hash, ARRAY, 2), one), other)
}

/// Appends a value; `None` for numbers that JSON does not have.
pub(super) fn value(hash: Salted, value: &Value<'_>) -> Option<Salted> {
    Some(match value {
        Value::Null => hash.fed(&[NULL]),
        Value::Bool(value) => hash.fed(&[if *value { TRUE } else { FALSE }]),
        Value::Int(number) => integer(hash, *number),
        Value::UInt(number) => head(hash, UNSIGNED, *number),
        Value::BigInt(digits) => float(hash, digits.parse().ok()?)?,
        Value::Float(number) => float(hash, *number)?,
        Value::Str(value) => text(hash, value),
        Value::Instant(_) => text(hash, serde_json::to_value(value).ok()?.as_str()?),
        Value::List(values) => {
            let hash = head(hash, ARRAY, values.len() as u64);
            values.iter().try_fold(hash, self::value)?
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by(|(one, _), (other, _)| by_encoding(one, other));
            let hash = head(hash, MAP, fields.len() as u64);
            fields.into_iter().try_fold(hash, |hash, (name, field)| self::value(text(hash, name), field))?
        }
    })
}

/// The order of encoded names: their length comes first.
fn by_encoding(one: &str, other: &str) -> Ordering {
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

/// Appends the kind of an item with its number: its value or its length, in as few bytes as possible.
fn head(hash: Salted, kind: u8, number: u64) -> Salted {
    let bytes = number.to_be_bytes();
    match number {
        0..24 => hash.fed(&[kind + bytes[7]]),
        24..0x100 => hash.fed(&[kind + 24, bytes[7]]),
        0x100..0x1_0000 => hash.fed(&[kind + 25]).fed(&bytes[6..]),
        0x1_0000..0x1_0000_0000 => hash.fed(&[kind + 26]).fed(&bytes[4..]),
        _ => hash.fed(&[kind + 27]).fed(&bytes),
    }
}

fn text(hash: Salted, text: &str) -> Salted {
    head(hash, TEXT, text.len() as u64).fed(text.as_bytes())
}

fn integer(hash: Salted, number: i64) -> Salted {
    match u64::try_from(number) {
        Ok(number) => head(hash, UNSIGNED, number),
        // A negative number is -1 minus the encoded one.
        Err(_) => head(hash, NEGATIVE, (-1 - number).cast_unsigned()),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and in range")]
fn float(hash: Salted, number: f64) -> Option<Salted> {
    const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;
    if !number.is_finite() {
        return None;
    }
    let is_whole = number.fract() == 0.0;
    Some(if is_whole && (-TWO_TO_63..TWO_TO_63).contains(&number) {
        integer(hash, number as i64)
    } else if is_whole && (TWO_TO_63..2.0 * TWO_TO_63).contains(&number) {
        head(hash, UNSIGNED, number as u64)
    } else {
        fraction(hash, number)
    })
}

/// Appends a number with the precision that it needs.
#[expect(clippy::cast_possible_truncation, reason = "compared with the original")]
fn fraction(hash: Salted, number: f64) -> Salted {
    let single = number as f32;
    if f64::from(single).to_bits() != number.to_bits() {
        return hash.fed(&[DOUBLE]).fed(&number.to_be_bytes());
    }
    match half(single) {
        Some(half) => hash.fed(&[HALF]).fed(&half.to_be_bytes()),
        None => hash.fed(&[SINGLE]).fed(&single.to_be_bytes()),
    }
}

/// The bits of a number in half precision (IEEE 754 binary16); `None` if it needs more, or is infinite.
fn half(number: f32) -> Option<u16> {
    let bits = number.to_bits();
    let (sign, exponent) = (bits >> 16 & 0x8000, (bits >> 23 & 0xff).cast_signed() - 127);
    let fraction = bits & 0x7f_ffff;
    // Below 2^-14, each power of two less takes a bit off the fraction.
    let (whole, dropped) = match exponent {
        -14..=15 => ((exponent + 15).cast_unsigned() * 0x400, 13),
        -24..-14 => (0, 13 + (-14 - exponent).cast_unsigned()),
        _ => return None,
    };
    let all = if exponent < -14 { fraction | 0x80_0000 } else { fraction };
    let is_exact = all & ((1 << dropped) - 1) == 0;
    is_exact.then(|| u16::try_from(sign | whole | all >> dropped).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_half_precision_have_the_bits_of_ieee_754() {
        // Appendix A of RFC 8949.
        for (number, bits) in [
            (1.5, Some(0x3e00)),
            (-4.1_f32, None),
            (0.5, Some(0x3800)),
            (65504.0, Some(0x7bff)),
            (65536.0, None),
            (2_f32.powi(-24), Some(0x0001)),
            (2_f32.powi(-14), Some(0x0400)),
            (1023.0 * 2_f32.powi(-24), Some(0x03ff)),
            (-0.25, Some(0xb400)),
            (2_f32.powi(-25), None),
            (f32::INFINITY, None),
            (1.000_1, None),
        ] {
            assert_eq!(half(number), bits, "{number}");
        }
    }
}
