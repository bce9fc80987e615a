//! A set of members in at most 24 bytes each, with lookups in constant time.
//!
//! Bench `scale` is why it is not a `HashSet`: a set of a million members takes a third of the memory.

use std::hash::{BuildHasher, RandomState};

use crate::builtin::audience::{
    case_fold::Case,
    string_set::{StringSet, TooLarge},
};

/// The longest member that is stored as it is. With its slot of the table one of 16 bytes takes 23.25.
const MAX_SHORT: usize = 16;

/// Short members as strings, longer ones as digests.
pub(in crate::builtin) struct MemberSet {
    short: StringSet,
    long: Digests,
}

impl MemberSet {
    /// Builds a set. The iterator is cloned several times.
    pub(in crate::builtin) fn new<'a>(
        members: impl Iterator<Item = &'a str> + Clone,
    ) -> Result<Self, TooLarge> {
        let short = StringSet::new(members.clone().filter(|member| member.len() <= MAX_SHORT), Case::Exact)?;
        Ok(Self { short, long: Digests::new(members.filter(|member| member.len() > MAX_SHORT)) })
    }

    pub(in crate::builtin) fn len(&self) -> usize {
        self.short.len() + self.long.len
    }

    pub(in crate::builtin) fn contains(&self, member: &str) -> bool {
        if member.len() <= MAX_SHORT { self.short.contains(member) } else { self.long.contains(member) }
    }
}

/// A hash table of digests, filled to 4/5.
///
/// A digest is 128 bits of SipHash under random keys of the set. A collision with one of a million members is
/// less likely than a memory error, and since the keys are secret, nobody can construct one.
struct Digests {
    keys: [RandomState; 2],
    /// Zero if free.
    slots: Box<[u128]>,
    len: usize,
}

impl Digests {
    fn new<'a>(texts: impl Iterator<Item = &'a str> + Clone) -> Self {
        let count = texts.clone().count();
        // One more, so that a free slot always ends a search.
        let slots = vec![0; count + count / 4 + 1].into();
        let mut set = Self { keys: [RandomState::new(), RandomState::new()], slots, len: 0 };
        for text in texts {
            let digest = set.digest(text);
            if let Err(free) = set.find(digest)
                && let Some(slot) = set.slots.get_mut(free)
            {
                *slot = digest;
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

    /// The slot of a digest, or the free slot for it.
    fn find(&self, digest: u128) -> Result<usize, usize> {
        let mut slot = self.first_slot(digest);
        loop {
            match self.slots.get(slot) {
                Some(0) => return Err(slot),
                Some(known) if *known == digest => return Ok(slot),
                Some(_) => slot += 1,
                None => slot = 0,
            }
        }
    }

    /// The upper half of the digest, scaled to the number of slots without a division, which would dominate
    /// the lookup.
    #[expect(clippy::cast_possible_truncation, reason = "below the number of slots")]
    fn first_slot(&self, digest: u128) -> usize {
        (((digest >> 64) * self.slots.len() as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::{collection::vec, prelude::*};

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_the_standard_set(
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
