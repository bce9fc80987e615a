//! Comparing short texts.

/// Whether two texts are the same.
///
/// Names of attributes, and what they are compared with, mostly have 16 bytes at most. The standard library compares by a
/// call to `memcmp`, which takes longer than these one or two comparisons of words, and would be most of what looking an
/// attribute up costs.
#[inline(always)]
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    // The first word and the last one, which overlap where the text is not as long as both. Both are compared whatever the
    // first one gives: which of several short texts it is, is what no processor foresees, and a jump foreseen wrongly takes
    // longer than all of this.
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
        fn it_is_equality(one in "[ab]{0,20}", at in 0..20_usize) {
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
