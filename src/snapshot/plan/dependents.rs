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

    /// The ids of the flags whose own activations evaluate the flag with this name, in ascending order. Those that
    /// depend on it through another flag are not included.
    #[must_use]
    pub fn required_by(&self, name: &str) -> Vec<i64> {
        let patch = self.patch.as_deref();
        let is_current = |flag: u32| patch.is_none_or(|patch| !patch.replaces(flag));
        let mut ids: Vec<i64> = self
            .linked_above(name)
            .into_iter()
            .filter(|flag| is_current(*flag))
            .filter_map(|flag| self.id_at(flag))
            .collect();
        if let Some(part) = self.part() {
            ids.extend(part.linked_above(name).into_iter().filter_map(|flag| part.id_at(flag)));
        }
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    fn id_at(&self, flag: u32) -> Option<i64> {
        self.ids.get(flag as usize).copied()
    }

    /// The flags that are linked to activations that evaluate a flag, ignoring a patch.
    fn linked_above(&self, name: &str) -> Vec<u32> {
        let of_flag = self.prerequisite_names().filter(|(_, found)| *found == name).map(|(node, _)| node);
        let mut stack: Vec<u32> = of_flag.collect();
        if stack.is_empty() {
            return stack;
        }
        let parents = self.graph.reversed(self.graph.len());
        let mut above: HashSet<u32> = HashSet::new();
        while let Some(node) = stack.pop() {
            let is_new = |above: &mut HashSet<u32>, node: u32| {
                self.prerequisite_at(node).is_none() && above.insert(node)
            };
            stack.extend(parents.targets(node).iter().copied().filter(|node| is_new(&mut above, *node)));
        }
        let flags = (0..).take(self.links.len());
        flags.filter(|flag| self.links.targets(*flag).iter().any(|node| above.contains(node))).collect()
    }

    /// The name of the flag whose node this is, if it is that of a flag.
    pub(super) fn prerequisite_name(&self, node: u32) -> Option<&str> {
        let named = self.around.prerequisites.get(self.prerequisite_at(node)? as usize)?;
        Some(self.around.texts.get(named.name))
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
