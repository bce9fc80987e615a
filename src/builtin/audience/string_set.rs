//! An exact set of strings in little memory, with lookups in constant time.
//!
//! Bench `scale` is why it is not a `HashSet<Box<str>>`: lists of a million ids are common.

use std::hash::{BuildHasher, Hasher};

use foldhash::quality::RandomState;

use crate::builtin::audience::case_fold::{Case, folded};

/// An arena of strings, and a hash table of their starts.
///
/// An entry takes its bytes, one byte for its end, and five bytes in each of 5/4 slots: 23.25 bytes for an id
/// of 16. A set of the standard library takes 24 bytes for the pointer alone.
#[derive(Debug)]
pub(in crate::builtin) struct StringSet {
    case: Case,
    hasher: RandomState,
    /// Each string, followed by [`END`].
    texts: Box<[u8]>,
    /// A part of the hash of the string in each slot, or zero if free. It avoids most comparisons with other
    /// strings.
    tags: Box<[u8]>,
    /// The start in `texts` of the string in each slot.
    starts: Box<[u32]>,
    len: usize,
}

/// Terminates a string. UTF-8 does not contain this byte.
const END: u8 = 0xff;

/// The strings take more than 4 GiB in total.
#[derive(Debug)]
pub(in crate::builtin) struct TooLarge;

impl StringSet {
    /// Builds a set. The iterator is cloned twice.
    pub(in crate::builtin) fn new<'a>(
        texts: impl Iterator<Item = &'a str> + Clone,
        case: Case,
    ) -> Result<Self, TooLarge> {
        let (count, bytes) =
            texts.clone().fold((0, 0), |(count, bytes), text| (count + 1, bytes + text.len() + 1));
        // One more, so that a free slot always ends a search.
        let slots = count + count / 4 + 1;
        let mut set = Self {
            case,
            hasher: RandomState::default(),
            texts: Box::default(),
            tags: vec![0; slots].into(),
            starts: vec![0; slots].into(),
            len: 0,
        };
        let mut arena = Vec::with_capacity(bytes);
        for text in texts {
            let hash = set.hash(text);
            if let Err(slot) = set.find(&arena, hash, text) {
                let start = u32::try_from(arena.len()).map_err(|_| TooLarge)?;
                if let (Some(tag), Some(at)) = (set.tags.get_mut(slot), set.starts.get_mut(slot)) {
                    (*tag, *at) = (tag_of(hash), start);
                }
                arena.extend_from_slice(case.prepare(text).as_bytes());
                arena.push(END);
                set.len += 1;
            }
        }
        set.texts = arena.into();
        Ok(set)
    }

    pub(in crate::builtin) fn len(&self) -> usize {
        self.len
    }

    pub(in crate::builtin) fn contains(&self, text: &str) -> bool {
        self.find(&self.texts, self.hash(text), text).is_ok()
    }

    /// The slot of a string, or the free slot for it.
    fn find(&self, texts: &[u8], hash: u64, text: &str) -> Result<usize, usize> {
        let tag = tag_of(hash);
        let mut slot = self.first_slot(hash);
        loop {
            match self.tags.get(slot) {
                Some(0) => return Err(slot),
                Some(known) if *known == tag => {
                    let start = self.starts.get(slot).map_or(usize::MAX, |start| *start as usize);
                    if texts.get(start..).is_some_and(|texts| self.starts_with(texts, text)) {
                        return Ok(slot);
                    }
                    slot += 1;
                }
                Some(_) => slot += 1,
                None => slot = 0,
            }
        }
    }

    /// The hash, scaled to the number of slots without a division, which would dominate the lookup.
    #[expect(clippy::cast_possible_truncation, reason = "below the number of slots")]
    fn first_slot(&self, hash: u64) -> usize {
        ((u128::from(hash) * self.tags.len() as u128) >> 64) as usize
    }

    /// Returns `true` if `texts` starts with this string.
    fn starts_with(&self, texts: &[u8], text: &str) -> bool {
        match self.case {
            Case::Exact => {
                texts.get(..text.len()) == Some(text.as_bytes()) && texts.get(text.len()) == Some(&END)
            }
            Case::Ignored if text.is_ascii() => {
                let start = texts.get(..text.len());
                start.is_some_and(|start| start.eq_ignore_ascii_case(text.as_bytes()))
                    && texts.get(text.len()) == Some(&END)
            }
            Case::Ignored => {
                let mut rest = texts;
                let same = folded(text).all(|c| {
                    let left = rest.strip_prefix(c.encode_utf8(&mut [0; 4]).as_bytes());
                    rest = left.unwrap_or_default();
                    left.is_some()
                });
                same && rest.first() == Some(&END)
            }
        }
    }

    fn hash(&self, text: &str) -> u64 {
        // Case-folded strings are hashed in chunks of a fixed size, so that the hash does not depend on the
        // code path.
        const CHUNK: usize = 64;
        let mut hasher = self.hasher.build_hasher();
        if self.case == Case::Exact {
            hasher.write(text.as_bytes());
            return hasher.finish();
        }
        let mut buffer = [0; CHUNK];
        if text.is_ascii() {
            for chunk in text.as_bytes().chunks(CHUNK) {
                let Some(kept) = buffer.get_mut(..chunk.len()) else { continue };
                kept.copy_from_slice(chunk);
                kept.make_ascii_lowercase();
                hasher.write(kept);
            }
            return hasher.finish();
        }
        let mut filled = 0;
        for c in folded(text) {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                if filled == CHUNK {
                    hasher.write(&buffer);
                    filled = 0;
                }
                if let Some(kept) = buffer.get_mut(filled) {
                    *kept = byte;
                }
                filled += 1;
            }
        }
        hasher.write(buffer.get(..filled).unwrap_or_default());
        hasher.finish()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the lowest bits; the slot depends on the highest ones")]
fn tag_of(hash: u64) -> u8 {
    (hash as u8).max(1)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_the_standard_set(
            texts in proptest::collection::vec("[a-bA-Bσς\0\u{212a}]{0,3}|[aσ]{60,70}", 0..60),
            asked in proptest::collection::vec("[a-bA-Bσς\0\u{212a}]{0,3}|[aσ]{60,70}", 0..60),
        ) {
            for case in [Case::Exact, Case::Ignored] {
                let model: HashSet<_> = texts.iter().map(|text| case.prepare(text)).collect();
                let set = StringSet::new(texts.iter().map(String::as_str), case).unwrap();
                prop_assert_eq!(set.len(), model.len());
                for text in texts.iter().chain(&asked) {
                    prop_assert_eq!(set.contains(text), model.contains(&case.prepare(text)), "{:?}", text);
                }
            }
        }
    }
}
