//! Finds flags by name.

use std::{
    hash::{BuildHasher, Hasher},
    sync::Arc,
};

use foldhash::fast::RandomState;

use crate::{
    context::short_str::same,
    snapshot::{Flag, compile::ids::index},
};

/// The indices of flags by name: an open-addressing hash table with linear probing.
///
/// Faster than the standard library's table, because nearly every search ends at its first slot
/// (`benches/evaluate.rs`).
#[derive(Clone)]
pub(in crate::snapshot) struct NameIndex {
    /// The length is a power of two.
    slots: Arc<[Slot]>,
    hasher: RandomState,
}

#[derive(Clone, Copy)]
struct Slot {
    /// A part of the name's hash. Names are compared only if it matches.
    tag: u32,
    /// The flag's index, or [`Slot::FREE`].
    flag: u32,
}

impl Slot {
    const FREE: u32 = u32::MAX;
}

impl NameIndex {
    /// Builds the index. Also returns the flags whose name is taken by an earlier flag, each with that flag.
    /// `has_name` is `false` for flags whose name could not be read.
    pub(in crate::snapshot) fn build(
        flags: &[Flag],
        texts: &str,
        has_name: impl Fn(usize) -> bool,
    ) -> (Self, Vec<(usize, usize)>) {
        // At least a quarter of the slots is free; otherwise searches would become long.
        let count = (flags.len() + flags.len() / 3 + 1).next_power_of_two();
        let mut slots = vec![Slot { tag: 0, flag: Slot::FREE }; count];
        let hasher = RandomState::default();
        let mut duplicates = Vec::new();
        for (position, flag) in flags.iter().enumerate().filter(|(position, _)| has_name(*position)) {
            let name = flag.named.name.bytes_of(texts);
            let hash = hash(&hasher, name);
            match search(&slots, flags, texts, name, hash) {
                Ok(first) => duplicates.push((position, first as usize)),
                Err(free) => {
                    if let Some(slot) = slots.get_mut(free) {
                        *slot = Slot { tag: hash.0, flag: index(position) };
                    }
                }
            }
        }
        (Self { slots: slots.into(), hasher }, duplicates)
    }

    /// The index of the flag with this name.
    #[inline(always)]
    pub(in crate::snapshot) fn find(&self, flags: &[Flag], texts: &str, name: &str) -> Option<u32> {
        search(&self.slots, flags, texts, name.as_bytes(), hash(&self.hasher, name.as_bytes())).ok()
    }
}

/// The flag with this name, or `Err` with the free slot where it would be inserted.
#[inline(always)]
fn search(
    slots: &[Slot],
    flags: &[Flag],
    texts: &str,
    name: &[u8],
    (tag, mut at): (u32, usize),
) -> Result<u32, usize> {
    loop {
        at &= slots.len().wrapping_sub(1);
        // Some slot is always free, so the search ends.
        let Some(slot) = slots.get(at).filter(|slot| slot.flag != Slot::FREE) else {
            return Err(at);
        };
        if slot.tag == tag
            && let Some(flag) = flags.get(slot.flag as usize)
            && same(flag.named.name.bytes_of(texts), name)
        {
            return Ok(slot.flag);
        }
        at = at.wrapping_add(1);
    }
}

/// The tag of a name, and its first slot (modulo the number of slots).
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "one half for the tag, the other for the slot")]
fn hash(hasher: &RandomState, name: &[u8]) -> (u32, usize) {
    let mut hasher = hasher.build_hasher();
    hasher.write(name);
    let hash = hasher.finish();
    ((hash >> 32) as u32, hash as usize)
}
