//! Which activations a flag's answer rests on.

use super::Snapshot;

impl Snapshot {
    /// The ids of the activations that a flag is linked to and of those that they ask, at any depth, in order; without those
    /// that it reaches through another flag only. Empty for a flag that is not there.
    #[must_use]
    pub fn reached_by(&self, name: &str) -> Vec<i64> {
        let Some(row) = self.row_of(name).and_then(|row| u32::try_from(row).ok()) else { return Vec::new() };
        let mut open: Vec<u32> = self.links.of(row).to_vec();
        let mut seen: std::collections::HashSet<u32> = open.iter().copied().collect();
        let mut ids = Vec::new();
        while let Some(node) = open.pop() {
            if self.asked_flags.binary_search(&node).is_ok() {
                continue;
            }
            // Inline ones stand in a row that is reached already.
            ids.extend(self.told.id_of(node));
            open.extend(self.graph.of(node).iter().filter(|child| seen.insert(**child)));
        }
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}
