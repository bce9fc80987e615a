//! Finds a flag by its name.

use std::{
    hash::{BuildHasher, Hasher},
    sync::Arc,
};

use foldhash::fast::RandomState;

use crate::{
    context::short_str::same,
    snapshot::{Flag, compile::nodes::index},
};

/// The indices of flags, by their names.
///
/// An open table in which a search goes from place to place. It does less at once than those of the standard library, which
/// is faster where nearly every search ends at its first place.
#[derive(Clone)]
pub(in crate::snapshot) struct Names {
    /// As many as a power of two.
    places: Arc<[Place]>,
    hasher: RandomState,
}

#[derive(Clone, Copy)]
struct Place {
    /// A part of the name's hash, so that hardly ever is a name looked at that is not the one.
    tag: u32,
    /// The flag, or [`Place::FREE`].
    flag: u32,
}

impl Place {
    const FREE: u32 = u32::MAX;
}

impl Names {
    /// The names of flags; with it the flags whose name an earlier one has, each with that one. `has_name` tells of which
    /// the name could be read.
    pub(in crate::snapshot) fn of(
        flags: &[Flag],
        texts: &str,
        has_name: impl Fn(usize) -> bool,
    ) -> (Self, Vec<(usize, usize)>) {
        // A quarter of the places is free, at least, or searches would become long.
        let count = (flags.len() + flags.len() / 3 + 1).next_power_of_two();
        let mut places = vec![Place { tag: 0, flag: Place::FREE }; count];
        let hasher = RandomState::default();
        let mut twins = Vec::new();
        for (position, flag) in flags.iter().enumerate().filter(|(position, _)| has_name(*position)) {
            let name = flag.named.name.bytes_of(texts);
            let hash = hash(&hasher, name);
            match search(&places, flags, texts, name, hash) {
                Ok(first) => twins.push((position, first as usize)),
                Err(free) => {
                    if let Some(place) = places.get_mut(free) {
                        *place = Place { tag: hash.0, flag: index(position) };
                    }
                }
            }
        }
        (Self { places: places.into(), hasher }, twins)
    }

    /// The flag of this name.
    #[inline(always)]
    pub(in crate::snapshot) fn find(&self, flags: &[Flag], texts: &str, name: &str) -> Option<u32> {
        search(&self.places, flags, texts, name.as_bytes(), hash(&self.hasher, name.as_bytes())).ok()
    }
}

/// The flag of this name; if there is none, the place where it would be.
#[inline(always)]
fn search(
    places: &[Place],
    flags: &[Flag],
    texts: &str,
    name: &[u8],
    (tag, mut at): (u32, usize),
) -> Result<u32, usize> {
    loop {
        at &= places.len().wrapping_sub(1);
        // There always is a free place, so the search ends.
        let Some(place) = places.get(at).filter(|place| place.flag != Place::FREE) else {
            return Err(at);
        };
        if place.tag == tag
            && let Some(flag) = flags.get(place.flag as usize)
            && same(flag.named.name.bytes_of(texts), name)
        {
            return Ok(place.flag);
        }
        at = at.wrapping_add(1);
    }
}

/// The tag of a name, and the number of the place where it belongs, modulo the number of places.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "one half for the tag, the other for the place")]
fn hash(hasher: &RandomState, name: &[u8]) -> (u32, usize) {
    let mut hasher = hasher.build_hasher();
    hasher.write(name);
    let hash = hasher.finish();
    ((hash >> 32) as u32, hash as usize)
}
