//! Decimal numbers as PostgreSQL sends them.

/// The sign of a number below zero, and those of values that are no numbers.
const NEGATIVE: u16 = 0x4000;
const NOT_A_NUMBER: u16 = 0xC000;

/// The digits of a `numeric`: groups of four digits, where the first group stands, the sign, and how many digits are
/// after the point (`numeric_send` in PostgreSQL's `src/backend/utils/adt/numeric.c`).
pub(crate) fn digits(bytes: &[u8]) -> Result<String, String> {
    let mut words = bytes.chunks_exact(2).map(|word| u16::from_be_bytes([word[0], word[1]]));
    let mut next = || words.next().ok_or_else(|| "unreadable number".to_owned());
    let (count, weight, sign, scale) = (next()?, next()?.cast_signed(), next()?, usize::from(next()?));
    if sign >= NOT_A_NUMBER {
        return Err("a number that is infinite or not a number cannot be an attribute".to_owned());
    }
    let groups: Vec<u16> = words.take(usize::from(count)).collect();
    let group = |place: i32| {
        usize::try_from(i32::from(weight) - place).ok().and_then(|at| groups.get(at)).copied().unwrap_or(0)
    };
    let four = |place| format!("{:04}", group(place));
    let text = (0..=i32::from(weight).max(0)).rev().map(four).collect::<Vec<_>>().concat();
    let whole = text.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let groups = i32::try_from(scale.div_ceil(4)).unwrap_or_default();
    let mut fraction = (1..=groups).map(|place| four(-place)).collect::<Vec<_>>().concat();
    fraction.truncate(scale);
    let minus = if sign == NEGATIVE { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    Ok(format!("{minus}{whole}{point}{fraction}"))
}

#[cfg(test)]
mod tests {
    use super::digits;

    fn sent(words: &[u16]) -> String {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        digits(&bytes).unwrap_or_else(|problem| problem)
    }

    #[test]
    fn groups_of_four_digits_are_read() {
        assert_eq!(sent(&[0, 0, 0, 0]), "0");
        assert_eq!(sent(&[2, 1, 0, 0, 12, 3456]), "123456");
        assert_eq!(sent(&[1, 2, 0, 0, 1]), "100000000");
        assert_eq!(sent(&[2, 0, NEG, 2, 12, 5000]), "-12.50");
        assert_eq!(sent(&[1, 0xFFFE, 0, 6, 25]), "0.000000");
        assert_eq!(sent(&[1, 0xFFFE, 0, 8, 25]), "0.00000025");
        assert_eq!(
            sent(&[0, 0, 0xC000, 0]),
            "a number that is infinite or not a number cannot be an attribute"
        );
        assert_eq!(sent(&[1]), "unreadable number");
    }

    const NEG: u16 = super::NEGATIVE;
}
