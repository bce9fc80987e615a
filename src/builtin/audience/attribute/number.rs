//! Numbers, compared by value whatever their type.

use std::{cmp::Ordering, collections::HashSet, fmt};

use crate::context::value::Value;

/// A number. Integers are always [`Whole`](Self::Whole) if they fit, so that 18 and 18.0 are equal, and large
/// integers are not rounded when they are compared.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    /// An integer.
    Whole(i128),
    /// A fraction, a number outside of `i128`, or NaN.
    Float(f64),
}

impl Number {
    /// Converts a value, if it is a number.
    #[inline]
    #[must_use]
    pub fn from_value(value: &Value<'_>) -> Option<Self> {
        match value {
            Value::Int(number) => Some(Self::Whole((*number).into())),
            Value::UInt(number) => Some(Self::Whole((*number).into())),
            Value::BigInt(digits) => match digits.parse() {
                Ok(number) => Some(Self::Whole(number)),
                Err(_) => digits.parse().ok().map(Self::from_float),
            },
            Value::Float(number) => Some(Self::from_float(*number)),
            _ => None,
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "checked to be in range and without a fraction")]
    fn from_float(number: f64) -> Self {
        // 2^127, the first number out of range of an i128.
        const END: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;
        if number.fract() == 0.0 && (-END..END).contains(&number) {
            Self::Whole(number as i128)
        } else {
            Self::Float(number)
        }
    }

    /// Compares two numbers; `None` if one is NaN.
    #[inline]
    pub(in crate::builtin) fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Whole(one), Self::Whole(other)) => Some(one.cmp(&other)),
            (Self::Float(one), Self::Float(other)) => one.partial_cmp(&other),
            (Self::Whole(one), Self::Float(other)) => compare_float(one, other),
            (Self::Float(one), Self::Whole(other)) => compare_float(other, one).map(Ordering::reverse),
        }
    }

    fn equals(self, other: Self) -> bool {
        self.compare(other) == Some(Ordering::Equal)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(number) => number.fmt(f),
            Self::Float(number) => number.fmt(f),
        }
    }
}

/// Compares an integer with a float that has a fraction or is outside of `i128`: they are never equal.
/// Rounding the integer to a float does not move it past the other one, since floats that large have no
/// fractions; it can only reach one that is out of range.
#[expect(clippy::cast_precision_loss, reason = "see above")]
fn compare_float(whole: i128, float: f64) -> Option<Ordering> {
    match (whole as f64).partial_cmp(&float)? {
        Ordering::Equal if float > 0.0 => Some(Ordering::Less),
        Ordering::Equal => Some(Ordering::Greater),
        order => Some(order),
    }
}

type Set<K> = HashSet<K, foldhash::fast::RandomState>;

/// Up to this size a linear scan is faster than hashing.
const FEW: usize = 8;

/// A set of numbers.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    few: Vec<Number>,
    // Larger sets by type, to save memory: 8 bytes per number, at most 13 with the free places of the table.
    small: Set<i64>,
    large: Set<u64>,
    /// The bits of all other numbers.
    floats: Set<u64>,
}

impl Numbers {
    pub(super) fn new(numbers: Vec<Number>) -> Self {
        let mut set = Self::default();
        if numbers.len() <= FEW {
            set.few = numbers;
            return set;
        }
        let keys = |wanted: fn(&Key) -> bool| numbers.iter().filter_map(|number| number.key()).filter(wanted);
        set.small.reserve(keys(|key| matches!(key, Key::Small(_))).count());
        set.large.reserve(keys(|key| matches!(key, Key::Large(_))).count());
        set.floats.reserve(keys(|key| matches!(key, Key::Float(_))).count());
        for key in keys(|_| true) {
            match key {
                Key::Small(number) => set.small.insert(number),
                Key::Large(number) => set.large.insert(number),
                Key::Float(bits) => set.floats.insert(bits),
            };
        }
        set
    }

    pub(super) fn len(&self) -> usize {
        self.few.len() + self.small.len() + self.large.len() + self.floats.len()
    }

    /// The numbers of a small set.
    pub(super) fn few(&self) -> &[Number] {
        &self.few
    }

    pub(super) fn contains(&self, number: Number) -> bool {
        if !self.few.is_empty() {
            return self.few.iter().any(|known| known.equals(number));
        }
        match number.key() {
            Some(Key::Small(number)) => self.small.contains(&number),
            Some(Key::Large(number)) => self.large.contains(&number),
            Some(Key::Float(bits)) => self.floats.contains(&bits),
            None => false,
        }
    }
}

/// The key of a number in a set, unique per value.
enum Key {
    Small(i64),
    Large(u64),
    Float(u64),
}

impl Number {
    /// `None` for an integer of more than 64 bits: in a config it would be a float.
    #[expect(clippy::cast_precision_loss, reason = "checked to be exact")]
    fn key(self) -> Option<Key> {
        match self {
            Self::Whole(number) => {
                let small = i64::try_from(number).map(Key::Small);
                let float = || {
                    let float = number as f64;
                    let exact = matches!(Self::from_float(float), Self::Whole(same) if same == number);
                    exact.then_some(Key::Float(float.to_bits()))
                };
                small.or_else(|_| u64::try_from(number).map(Key::Large)).ok().or_else(float)
            }
            Self::Float(number) => (!number.is_nan()).then_some(Key::Float(number.to_bits())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(value: impl Into<Value<'static>>) -> Number {
        Number::from_value(&value.into()).unwrap()
    }

    fn big(digits: &'static str) -> Number {
        Number::from_value(&Value::BigInt(digits.into())).unwrap()
    }

    #[test]
    fn numbers_compare_by_value() {
        let two_to_127 = 2_f64.powi(127);
        let rising = [
            number(f64::NEG_INFINITY),
            number(-two_to_127 * 2.0),
            big("-170141183460469231731687303715884105728"),
            number(i64::MIN),
            number(-0.5),
            number(0),
            number(f64::MIN_POSITIVE),
            number((1_i64 << 53) - 1),
            number(9_007_199_254_740_992.0),
            number((1_i64 << 53) + 1),
            number(i64::MAX),
            number(9_223_372_036_854_775_808.0),
            number(u64::MAX),
            number(18_446_744_073_709_551_616.0),
            big("18446744073709551617"),
            big("170141183460469231731687303715884105727"),
            number(two_to_127),
            number(f64::INFINITY),
        ];
        for (at, one) in rising.iter().enumerate() {
            for (place, other) in rising.iter().enumerate() {
                assert_eq!(one.compare(*other), Some(at.cmp(&place)), "{one} {other}");
                let many = Numbers::new(vec![*other; FEW + 1]);
                // These numbers have more than 64 bits and are not exact as floats.
                let held = at == place && !matches!(at, 14 | 15);
                assert_eq!(many.contains(*one), held, "{one} in {other}");
                assert_eq!(Numbers::new(vec![*other]).contains(*one), at == place);
            }
        }
    }

    #[test]
    fn nan_equals_nothing() {
        let nan = number(f64::NAN);
        assert_eq!((nan.compare(nan), nan.compare(number(1))), (None, None));
        assert!(!Numbers::new(vec![number(1); 9]).contains(nan) && !Numbers::new(vec![nan]).contains(nan));
        assert!(Number::from_value(&Value::BigInt("many".into())).is_none());
        assert!(Numbers::new(vec![number(0.0)]).contains(number(-0.0)));
    }
}
