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
        let above = self.above(activations, &is_flag);
        let names: Vec<_> = self.prerequisite_names().filter(|(_, name)| is_flag(name)).collect();
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

    /// The nodes of these activations (by index) and flags, and everything that depends on them.
    pub(crate) fn above(
        &self,
        activations: &HashSet<u32>,
        is_flag: impl Fn(&str) -> bool,
    ) -> HashSet<u32, RandomState> {
        let flags = self.prerequisite_names().filter(|(_, name)| is_flag(name)).map(|(node, _)| node);
        self.ancestors(&activations.iter().copied().chain(flags).collect())
    }

    /// The nodes of the flags that activations evaluate, and the flags' names.
    fn prerequisite_names(&self) -> impl Iterator<Item = (u32, &str)> {
        let nodes = self.prerequisite_nodes.iter().zip(&*self.around.prerequisites);
        nodes.map(|(node, named)| (*node, self.around.texts.get(named.name)))
    }

    /// Whether the verdict of the activation with this id depends on its name, for example as a salt.
    pub(crate) fn depends_on_own_name(&self, id: i64) -> bool {
        self.node_info.node_of(id).is_some_and(|node| self.node_info.is_by_name(node))
    }

    /// Whether the decision of the flag with this name depends on the name, for example as a salt.
    pub(crate) fn depends_on_flag_name(&self, name: &str) -> bool {
        let Some(flag) = self.row_of(name).and_then(|row| u32::try_from(row).ok()) else { return false };
        let is_by_flag = |node: &u32| self.around.nodes.get(*node as usize).is_some_and(|node| node.by_flag);
        self.links.targets(flag).iter().any(is_by_flag)
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
