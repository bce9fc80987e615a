//! Which activations a flag's answer rests on.

use crate::snapshot::Snapshot;

impl Snapshot {
    /// The ids of the activations that a flag is linked to and of those that they ask, at any depth, in order; without those
    /// that it reaches through another flag only. Empty for a flag that is not there.
    #[must_use]
    pub fn reached_by(&self, name: &str) -> Vec<i64> {
        let Some((home, flag)) = self.find_index(name).and_then(|index| self.locate(index)) else {
            return Vec::new();
        };
        let mut open: Vec<u32> = home.links.at(flag.linked).to_vec();
        let mut seen: std::collections::HashSet<u32> = open.iter().copied().collect();
        let mut ids = Vec::new();
        while let Some(node) = open.pop() {
            if home.asked_flags.binary_search(&node).is_ok() {
                continue;
            }
            ids.extend(home.told.id_of(node));
            open.extend(home.graph.of(node).iter().filter(|child| seen.insert(**child)));
        }
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}
