//! The activations that a flag depends on.

use std::collections::HashSet;

use crate::snapshot::Snapshot;

impl Snapshot {
    /// Returns the ids of the activations that a flag depends on, at any depth, in ascending order.
    /// Activations that it reaches only through another flag are not included. Empty if the flag is unknown.
    #[must_use]
    pub fn reached_by(&self, name: &str) -> Vec<i64> {
        let Some((home, flag)) = self.find_index(name).and_then(|index| self.locate(index)) else {
            return Vec::new();
        };
        let mut stack: Vec<u32> = home.links.slice(flag.linked).to_vec();
        let mut seen: HashSet<u32> = stack.iter().copied().collect();
        let mut ids = Vec::new();
        while let Some(node) = stack.pop() {
            if home.prerequisite_nodes.binary_search(&node).is_ok() {
                continue;
            }
            ids.extend(home.node_info.id_of(node));
            stack.extend(home.graph.targets(node).iter().filter(|child| seen.insert(**child)));
        }
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}
