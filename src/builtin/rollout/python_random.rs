//! The random numbers of CPython, so that rows of Python novi keep their results.

use std::iter;

use rand_mt::Mt;
use sha2::{Digest, Sha512};

use crate::context::value::Value;

/// The first result of Python's `random.random()` after `random.seed(seed)`, from 0 to below 1. `None` if
/// Python rejects the seed.
///
/// Source: `random_seed` and `random_random` in CPython's `Modules/_randommodule.c`, and `Random.seed` in
/// `Lib/random.py`, of Python 3.2 and later (seeding "version 2").
pub(crate) fn first_random(seed: &Value<'_>) -> Option<f64> {
    let mut generator = match seed {
        Value::Bool(value) => seeded(&[u32::from(*value)]),
        Value::Int(number) => seeded_by_u64(number.unsigned_abs()),
        Value::UInt(number) => seeded_by_u64(*number),
        Value::BigInt(digits) => seeded(&words_of_digits(digits)),
        Value::Float(number) => seeded_by_u64(hash_of_float(*number).cast_unsigned()),
        Value::Str(text) => seeded(&words_of_text(text)),
        Value::Null | Value::Instant(_) | Value::List(_) | Value::Object(_) => return None,
    };
    // 53 bits out of two draws, as `genrand_res53` of the Mersenne Twister's authors.
    let (high, low) = (generator.next_u32() >> 5, generator.next_u32() >> 6);
    Some((f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0)
}

/// The generator with an integer as seed, in words of 32 bits, least significant first.
fn seeded(words: &[u32]) -> Mt {
    // Python drops leading zero words except one.
    let length = words.iter().rposition(|word| *word != 0).map_or(1, |last| last + 1);
    Mt::new_with_key(words.iter().copied().chain(iter::once(0)).take(length))
}

fn seeded_by_u64(number: u64) -> Mt {
    #[expect(clippy::cast_possible_truncation, reason = "the two halves")]
    seeded(&[number as u32, (number >> 32) as u32])
}

/// Decimal digits as words of 32 bits. The sign is ignored, as in Python.
fn words_of_digits(digits: &str) -> Vec<u32> {
    let mut words: Vec<u32> = Vec::new();
    for digit in digits.bytes().filter(u8::is_ascii_digit) {
        let mut carry = u64::from(digit - b'0');
        for word in &mut words {
            carry += u64::from(*word) * 10;
            #[expect(clippy::cast_possible_truncation, reason = "the lower half; the upper one is carried")]
            {
                *word = carry as u32;
            }
            carry >>= 32;
        }
        if carry != 0 {
            #[expect(clippy::cast_possible_truncation, reason = "a carry is below 10")]
            words.push(carry as u32);
        }
    }
    words
}

/// A string as the number whose big-endian bytes are those of the string, followed by their SHA-512.
fn words_of_text(text: &str) -> Vec<u32> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.extend_from_slice(&Sha512::digest(text.as_bytes()));
    bytes.rchunks(4).map(|chunk| chunk.iter().fold(0, |word, byte| (word << 8) | u32::from(*byte))).collect()
}

/// Python's `hash` of a float: the number modulo the prime 2^61 - 1 (`_Py_HashDouble` in `Python/pyhash.c`).
fn hash_of_float(number: f64) -> i64 {
    const BITS: i32 = 61;
    const PRIME: u64 = (1 << BITS) - 1;
    const INFINITY: i64 = 314_159;
    if number.is_nan() {
        return 0;
    }
    if number.is_infinite() {
        return if number > 0.0 { INFINITY } else { -INFINITY };
    }
    // number = mantissa * 2^exponent, in integers
    let bits = number.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    let (mantissa, exponent) = match i32::try_from((bits >> 52) & 0x7ff).unwrap_or_default() {
        0 => (fraction, -1074),
        biased => (fraction | (1 << 52), biased - 1075),
    };
    // Multiplying by 2 modulo 2^61 - 1 rotates the 61 bits, and the mantissa has fewer.
    let turn = exponent.rem_euclid(BITS);
    let hash = ((mantissa << turn) & PRIME) | (mantissa >> (BITS - turn));
    let hash = (hash % PRIME).cast_signed();
    match if number < 0.0 { -hash } else { hash } {
        // CPython reserves -1 for errors.
        -1 => -2,
        hash => hash,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_hash_like_python() {
        // python3 -c 'print([hash(x) for x in (...)])'
        for (number, hash) in [
            (0.0, 0),
            (-0.0, 0),
            (1.5, 1_152_921_504_606_846_977),
            (-1.0, -2),
            (2.0_f64.powi(61), 1),
            (0.1, 230_584_300_921_369_408),
            (1e300, 1_224_995_262_755_759_164),
            (5e-324, 16_777_216),
        ] {
            assert_eq!(hash_of_float(number), hash, "{number}");
        }
    }

    #[test]
    fn digits_become_words() {
        assert_eq!(words_of_digits("18446744073709551616"), [0, 0, 1]);
        assert_eq!(words_of_digits("-4294967297"), [1, 1]);
        assert_eq!(words_of_digits("0"), Vec::<u32>::new());
    }
}
