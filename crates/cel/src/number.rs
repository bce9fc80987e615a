//! Numbers of different types, compared by their exact value.

use std::cmp::Ordering;

use crate::value::Value;

/// Compares two numbers: `None` if one is not a number, `Some(None)` if one is NaN.
#[inline]
#[expect(clippy::option_option, reason = "two questions: are they numbers, and do they have an order")]
pub(crate) fn compare(one: &Value<'_>, other: &Value<'_>) -> Option<Option<Ordering>> {
    Some(match (number(one)?, number(other)?) {
        (Number::Whole(one), Number::Whole(other)) => Some(one.cmp(&other)),
        (Number::Float(one), Number::Float(other)) => one.partial_cmp(&other),
        (Number::Whole(one), Number::Float(other)) => compare_float(one, other),
        (Number::Float(one), Number::Whole(other)) => compare_float(other, one).map(Ordering::reverse),
    })
}

enum Number {
    Whole(i128),
    Float(f64),
}

#[inline]
fn number(value: &Value<'_>) -> Option<Number> {
    match value {
        Value::Int(number) => Some(Number::Whole((*number).into())),
        Value::UInt(number) => Some(Number::Whole((*number).into())),
        Value::Double(number) => Some(Number::Float(*number)),
        _ => None,
    }
}

/// A conversion of the integer to a float would round it, so the float is split into its integer and its
/// fraction.
#[expect(clippy::cast_possible_truncation, reason = "in range")]
fn compare_float(whole: i128, float: f64) -> Option<Ordering> {
    // 2^64: integers of 64 bits are within these bounds.
    const END: f64 = 18_446_744_073_709_551_616.0;
    if float.is_nan() {
        return None;
    }
    if float >= END {
        return Some(Ordering::Less);
    }
    if float <= -END {
        return Some(Ordering::Greater);
    }
    let fraction = 0.0.partial_cmp(&float.fract())?;
    Some(whole.cmp(&(float.trunc() as i128)).then(fraction))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_different_types_compare_by_value() {
        let rising = [
            Value::Double(f64::NEG_INFINITY),
            Value::Double(-1e30),
            Value::Int(i64::MIN),
            Value::Double(-0.5),
            Value::Int(0),
            Value::Double(f64::MIN_POSITIVE),
            Value::Int((1 << 53) - 1),
            Value::Double(9_007_199_254_740_992.0),
            Value::Int((1 << 53) + 1),
            Value::Int(i64::MAX),
            Value::Double(9_223_372_036_854_775_808.0),
            Value::UInt(u64::MAX),
            Value::Double(18_446_744_073_709_551_616.0),
            Value::Double(f64::INFINITY),
        ];
        for (index, one) in rising.iter().enumerate() {
            for (place, other) in rising.iter().enumerate() {
                assert_eq!(compare(one, other), Some(Some(index.cmp(&place))), "{one} {other}");
            }
        }
        assert_eq!(compare(&Value::Double(f64::NAN), &Value::Int(1)), Some(None));
        assert_eq!(compare(&Value::Null, &Value::Int(1)), None);
    }
}
