//! Comparison of short strings.

/// Whether two strings are equal.
///
/// Names of attributes, and the values they are compared with, rarely exceed 16 bytes. For these, the
/// standard library's call to `memcmp` takes longer than comparing one or two words, and would dominate the
/// lookup of an attribute (`benches/attribute.rs`).
#[inline(always)]
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    // Compares the first and the last word, which overlap in strings shorter than both. `&` instead of `&&`
    // avoids a branch that the processor cannot predict: a misprediction takes longer than both comparisons.
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
        fn same_is_equality(one in "[ab]{0,20}", at in 0..20_usize) {
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
