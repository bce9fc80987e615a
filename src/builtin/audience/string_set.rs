//! A set of texts that is exact, answers in constant time, and is small: lists of a million ids are usual.

use std::hash::{BuildHasher, Hasher};

use foldhash::quality::RandomState;

use crate::builtin::audience::case_fold::{Case, folded};

/// Texts behind one another, and a table of where each starts.
///
/// A text costs its bytes, one for its end, and five in each of 5/4 places of the table: 23.25 bytes for an id of 16. A
/// set of the standard library costs 24 for each pointer to a text alone.
#[derive(Debug)]
pub(in crate::builtin) struct TextSet {
    case: Case,
    hasher: RandomState,
    /// Each text and [`END`].
    texts: Box<[u8]>,
    /// A part of the hash of the text in each place, never zero; zero where there is none. So hardly ever is a text
    /// looked at that is not the one.
    tags: Box<[u8]>,
    /// Where in `texts` the text of each place starts.
    starts: Box<[u32]>,
    len: usize,
}

/// Closes a text. No byte of UTF-8 has this value, so no text is taken for the start of a longer one.
const END: u8 = 0xff;

/// The texts are longer than 4 GiB together.
#[derive(Debug)]
pub(in crate::builtin) struct TooLarge;

impl TextSet {
    /// A set of these texts; `texts` is gone through twice.
    pub(in crate::builtin) fn new<'a>(
        texts: impl Iterator<Item = &'a str> + Clone,
        case: Case,
    ) -> Result<Self, TooLarge> {
        let (count, bytes) =
            texts.clone().fold((0, 0), |(count, bytes), text| (count + 1, bytes + text.len() + 1));
        // A place more than that is always free, and ends the search for what is not there.
        let places = count + count / 4 + 1;
        let mut set = Self {
            case,
            hasher: RandomState::default(),
            texts: Box::default(),
            tags: vec![0; places].into(),
            starts: vec![0; places].into(),
            len: 0,
        };
        let mut arena = Vec::with_capacity(bytes);
        for text in texts {
            let hash = set.hash(text);
            if let Err(place) = set.find(&arena, hash, text) {
                let start = u32::try_from(arena.len()).map_err(|_| TooLarge)?;
                if let (Some(tag), Some(at)) = (set.tags.get_mut(place), set.starts.get_mut(place)) {
                    (*tag, *at) = (tag_of(hash), start);
                }
                arena.extend_from_slice(case.keep(text).as_bytes());
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

    /// The place of a text; if it has none, the one where it would be.
    fn find(&self, texts: &[u8], hash: u64, text: &str) -> Result<usize, usize> {
        let tag = tag_of(hash);
        let mut place = self.first_place(hash);
        loop {
            match self.tags.get(place) {
                Some(0) => return Err(place),
                Some(known) if *known == tag => {
                    let start = self.starts.get(place).map_or(usize::MAX, |start| *start as usize);
                    if texts.get(start..).is_some_and(|texts| self.starts_with(texts, text)) {
                        return Ok(place);
                    }
                    place += 1;
                }
                Some(_) => place += 1,
                None => place = 0,
            }
        }
    }

    /// The hash as a fraction of 2^64, in places: a division would cost more than all the rest.
    #[expect(clippy::cast_possible_truncation, reason = "below the number of places")]
    fn first_place(&self, hash: u64) -> usize {
        ((u128::from(hash) * self.tags.len() as u128) >> 64) as usize
    }

    /// Whether this text is the first of `texts`.
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
        // Folded text is hashed by so many bytes at a time. It need not be a power of two, only always the same.
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

#[expect(
    clippy::cast_possible_truncation,
    reason = "the lowest bits are wanted; the place goes by the highest"
)]
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
        fn it_holds_what_a_set_holds(
            texts in proptest::collection::vec("[a-bA-Bσς\0\u{212a}]{0,3}|[aσ]{60,70}", 0..60),
            asked in proptest::collection::vec("[a-bA-Bσς\0\u{212a}]{0,3}|[aσ]{60,70}", 0..60),
        ) {
            for case in [Case::Exact, Case::Ignored] {
                let model: HashSet<_> = texts.iter().map(|text| case.keep(text)).collect();
                let set = TextSet::new(texts.iter().map(String::as_str), case).unwrap();
                prop_assert_eq!(set.len(), model.len());
                for text in texts.iter().chain(&asked) {
                    prop_assert_eq!(set.contains(text), model.contains(&case.keep(text)), "{:?}", text);
                }
            }
        }
    }
}
