//! A set of members: texts of any length, in at most 24 bytes each, answered in constant time.

use std::hash::{BuildHasher, RandomState};

use crate::builtin::audience::{
    case_fold::Case,
    string_set::{TextSet, TooLarge},
};

/// Texts up to so many bytes are kept as they are; with its place in the table one of 16 takes 23.25 bytes.
const LONGEST: usize = 16;

/// Short members as they are, longer ones by their digests.
pub(in crate::builtin) struct MemberSet {
    short: TextSet,
    long: Digests,
}

impl MemberSet {
    /// A set of these members, which are gone through several times.
    pub(in crate::builtin) fn new<'a>(
        members: impl Iterator<Item = &'a str> + Clone,
    ) -> Result<Self, TooLarge> {
        let short = TextSet::new(members.clone().filter(|member| member.len() <= LONGEST), Case::Exact)?;
        Ok(Self { short, long: Digests::new(members.filter(|member| member.len() > LONGEST)) })
    }

    pub(in crate::builtin) fn len(&self) -> usize {
        self.short.len() + self.long.len
    }

    pub(in crate::builtin) fn contains(&self, member: &str) -> bool {
        if member.len() <= LONGEST { self.short.contains(member) } else { self.long.contains(member) }
    }
}

/// The digests of texts: 16 bytes in each of 5/4 places.
///
/// A digest is 128 bits of SipHash under keys that nobody knows and that no other set has. That a text is taken for one
/// of a million others is less likely than that the memory fails meanwhile, and nobody can look for such a text.
struct Digests {
    keys: [RandomState; 2],
    /// Zero where there is none.
    places: Box<[u128]>,
    len: usize,
}

impl Digests {
    fn new<'a>(texts: impl Iterator<Item = &'a str> + Clone) -> Self {
        let count = texts.clone().count();
        // A place more than that is always free, and ends the search for what is not there.
        let places = vec![0; count + count / 4 + 1].into();
        let mut set = Self { keys: [RandomState::new(), RandomState::new()], places, len: 0 };
        for text in texts {
            let digest = set.digest(text);
            if let Err(free) = set.find(digest)
                && let Some(place) = set.places.get_mut(free)
            {
                *place = digest;
                set.len += 1;
            }
        }
        set
    }

    fn contains(&self, text: &str) -> bool {
        self.len > 0 && self.find(self.digest(text)).is_ok()
    }

    fn digest(&self, text: &str) -> u128 {
        let [high, low] = self.keys.each_ref().map(|key| u128::from(key.hash_one(text)));
        (high << 64 | low).max(1)
    }

    /// The place of a digest; if it has none, the one where it would be.
    fn find(&self, digest: u128) -> Result<usize, usize> {
        let mut place = self.first_place(digest);
        loop {
            match self.places.get(place) {
                Some(0) => return Err(place),
                Some(known) if *known == digest => return Ok(place),
                Some(_) => place += 1,
                None => place = 0,
            }
        }
    }

    /// The upper half of the digest as a fraction of 2^64, in places: a division would cost more than all the rest.
    #[expect(clippy::cast_possible_truncation, reason = "below the number of places")]
    fn first_place(&self, digest: u128) -> usize {
        (((digest >> 64) * self.places.len() as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::{collection::vec, prelude::*};

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_a_set_holds(
            members in vec("[ab]{0,3}|[ab]{15,18}|ü{7,9}", 0..60),
            asked in vec("[ab]{0,3}|[ab]{15,18}|ü{7,9}", 0..60),
        ) {
            let model: HashSet<_> = members.iter().collect();
            let set = MemberSet::new(members.iter().map(String::as_str)).unwrap();
            prop_assert_eq!(set.len(), model.len());
            for text in members.iter().chain(&asked) {
                prop_assert_eq!(set.contains(text), model.contains(text), "{:?}", text);
            }
        }
    }
}
