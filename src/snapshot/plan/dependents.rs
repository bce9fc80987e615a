//! Which flags depend on what changes.

use std::collections::HashSet;

use foldhash::fast::RandomState;

use crate::snapshot::Snapshot;

/// A flag that asks something of what was looked for.
pub(crate) struct Dependent {
    /// The index of its row.
    pub(crate) flag: u32,
    /// The indices of the activations that were looked for and that it asks, in any depth.
    pub(crate) activations: Vec<u32>,
    /// The names of the flags that were looked for and that its activations ask.
    pub(crate) flags: Vec<String>,
}

impl Snapshot {
    /// The flags that ask one of these activations, by the indices of their rows, or one of these flags: directly, below
    /// combinations, and through other flags.
    pub(crate) fn dependents(
        &self,
        activations: &HashSet<u32>,
        is_flag: impl Fn(&str) -> bool,
    ) -> Vec<Dependent> {
        let mut wanted: HashSet<u32, RandomState> = activations.iter().copied().collect();
        let mut names = Vec::new();
        for (node, named) in self.asked_flags.iter().zip(&*self.around.prerequisites) {
            let name = self.around.texts.get(named.name);
            if is_flag(name) {
                wanted.insert(*node);
                names.push((*node, name));
            }
        }
        let above = self.above(&wanted);
        let rows = (0..).take(self.links.len());
        let asking = rows.filter(|flag| self.links.of(*flag).iter().any(|node| above.contains(node)));
        asking
            .map(|flag| {
                let below = self.graph.below_where(self.links.of(flag), |node| above.contains(&node));
                let flags = names.iter().filter(|(node, _)| below.contains(node));
                Dependent {
                    flag,
                    flags: flags.map(|(_, name)| (*name).to_owned()).collect(),
                    activations: below.iter().copied().filter(|node| activations.contains(node)).collect(),
                }
            })
            .collect()
    }

    /// These nodes, and all that ask them.
    fn above(&self, nodes: &HashSet<u32, RandomState>) -> HashSet<u32, RandomState> {
        if nodes.is_empty() {
            return HashSet::default();
        }
        let asking = self.graph.reversed(self.graph.len());
        let mut found = nodes.clone();
        let mut open: Vec<u32> = nodes.iter().copied().collect();
        while let Some(node) = open.pop() {
            open.extend(asking.of(node).iter().copied().filter(|above| found.insert(*above)));
        }
        found
    }
}
