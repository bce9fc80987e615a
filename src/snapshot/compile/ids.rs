//! Numbers that stand for names and list entries.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::activation::Variant;

/// The index of a list entry. No list in memory reaches 2^32 entries.
pub(in crate::snapshot) fn index(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

/// Interns the names of variants.
#[derive(Default)]
pub(in crate::snapshot) struct VariantInterner {
    pub(in crate::snapshot) names: Vec<Box<str>>,
    ids: HashMap<Box<str>, Variant, RandomState>,
}

impl VariantInterner {
    pub(in crate::snapshot) fn intern(&mut self, name: &str) -> Variant {
        if let Some(known) = self.ids.get(name) {
            return *known;
        }
        let id = Variant::from_index(self.names.len());
        self.names.push(name.into());
        self.ids.insert(name.into(), id);
        id
    }
}
