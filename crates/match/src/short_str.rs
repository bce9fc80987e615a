//! Equality of short strings.

/// Returns `true` if the strings are equal.
///
/// Names of attributes, and the values they are compared with, mostly have 16 bytes at most. The standard
/// library calls `memcmp`, which takes longer than these one or two comparisons of words and would dominate
/// an attribute lookup (bench `evaluate`).
#[inline(always)]
#[must_use]
pub fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    // The first word and the last one overlap where the string is shorter than both. Both are always
    // compared: a branch on the first one is unpredictable, and a misprediction costs more than the second
    // comparison.
    if let (Some(first), Some(last)) = (one.first_chunk::<8>(), one.last_chunk::<8>()) {
        let ends = (other.first_chunk() == Some(first)) & (other.last_chunk() == Some(last));
        return ends && (one.len() <= 16 || one == other);
    }
    if let (Some(first), Some(last)) = (one.first_chunk::<4>(), one.last_chunk::<4>()) {
        return (other.first_chunk() == Some(first)) & (other.last_chunk() == Some(last));
    }
    if let (Some(first), Some(last)) = (one.first_chunk::<2>(), one.last_chunk::<2>()) {
        return (other.first_chunk() == Some(first)) & (other.last_chunk() == Some(last));
    }
    one == other
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_the_standard_library(one in "[ab]{0,20}", at in 0..20_usize) {
            let mut other = one.clone().into_bytes();
            prop_assert!(same(one.as_bytes(), one.clone().as_bytes()));
            if let Some(byte) = other.get_mut(at) {
                *byte = b'c';
                prop_assert!(!same(one.as_bytes(), &other));
            }
            other.push(b'a');
            prop_assert!(!same(one.as_bytes(), &other));
        }
    }
}
