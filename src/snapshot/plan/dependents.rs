//! Finds the flags that depend on given activations and flags.

use std::collections::HashSet;

use foldhash::fast::RandomState;

use crate::snapshot::Snapshot;

/// A flag that depends on one of the given activations or flags.
pub(crate) struct Dependent {
    /// The index of its row.
    pub(crate) flag: u32,
    /// The indices of the given activations that it depends on, at any depth.
    pub(crate) activations: Vec<u32>,
    /// The names of the given flags that its activations evaluate.
    pub(crate) flags: Vec<String>,
}

impl Snapshot {
    /// The flags that depend on one of these activations (by index) or flags: directly, through other
    /// activations, or through other flags.
    pub(crate) fn dependents(
        &self,
        activations: &HashSet<u32>,
        is_flag: impl Fn(&str) -> bool,
    ) -> Vec<Dependent> {
        let mut wanted: HashSet<u32, RandomState> = activations.iter().copied().collect();
        let mut names = Vec::new();
        for (node, named) in self.prerequisite_nodes.iter().zip(&*self.around.prerequisites) {
            let name = self.around.texts.get(named.name);
            if is_flag(name) {
                wanted.insert(*node);
                names.push((*node, name));
            }
        }
        let above = self.ancestors(&wanted);
        let rows = (0..).take(self.links.len());
        let dependents =
            rows.filter(|flag| self.links.targets(*flag).iter().any(|node| above.contains(node)));
        dependents
            .map(|flag| {
                let below =
                    self.graph.reachable_where(self.links.targets(flag), |node| above.contains(&node));
                let flags = names.iter().filter(|(node, _)| below.contains(node));
                Dependent {
                    flag,
                    flags: flags.map(|(_, name)| (*name).to_owned()).collect(),
                    activations: below.iter().copied().filter(|node| activations.contains(node)).collect(),
                }
            })
            .collect()
    }

    /// These nodes and everything that depends on them.
    fn ancestors(&self, nodes: &HashSet<u32, RandomState>) -> HashSet<u32, RandomState> {
        if nodes.is_empty() {
            return HashSet::default();
        }
        let parents = self.graph.reversed(self.graph.len());
        let mut found = nodes.clone();
        let mut stack: Vec<u32> = nodes.iter().copied().collect();
        while let Some(node) = stack.pop() {
            stack.extend(parents.targets(node).iter().copied().filter(|above| found.insert(*above)));
        }
        found
    }
}
