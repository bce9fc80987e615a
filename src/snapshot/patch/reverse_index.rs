//! Finds the flags that a change of rows may affect.

use std::collections::BTreeSet;

use crate::{
    snapshot::{Snapshot, compile::graph::Graph},
    store::Delta,
};

/// The reversed graph of a snapshot. Built once for many lookups.
pub(crate) struct ReverseIndex {
    /// The nodes that evaluate each node.
    nodes: Graph,
    /// The indices of the flags that are linked to each node.
    flags: Graph,
}

impl ReverseIndex {
    /// Ignores a patch of the snapshot.
    pub(crate) fn new(snapshot: &Snapshot) -> Self {
        let count = snapshot.graph.len();
        Self { nodes: snapshot.graph.reversed(count), flags: snapshot.links.reversed(count) }
    }

    /// The rows whose result may change if these rows change: the rows themselves and everything that depends
    /// on them.
    pub(crate) fn affected(&self, snapshot: &Snapshot, changed: &Delta) -> Affected {
        let mut nodes = Vec::new();
        let mut flags = BTreeSet::new();
        for id in &changed.flags {
            flags.extend(snapshot.flag_of_id(*id));
            let position = snapshot.node_info.prerequisite_index(*id);
            nodes.extend(position.and_then(|at| snapshot.prerequisite_nodes.get(at).copied()));
        }
        if changed.is_new {
            // A flag that existed only as an override may have a row now.
            let positions = snapshot.node_info.flags_without_row();
            nodes.extend(positions.filter_map(|at| snapshot.prerequisite_nodes.get(at).copied()));
        }
        nodes.extend(changed.activations.iter().filter_map(|id| snapshot.node_info.node_of(*id)));
        let mut affected = Affected::default();
        for node in self.nodes.reachable(&nodes) {
            flags.extend(self.flags.targets(node));
            if snapshot.prerequisite_at(node).is_none() {
                affected.activations.extend(snapshot.node_info.id_of(node));
            }
        }
        affected.flags.extend(flags.into_iter().filter_map(|index| snapshot.ids.get(index as usize)));
        affected
    }
}

/// The ids of rows whose result may change.
#[derive(Default)]
pub(crate) struct Affected {
    pub(crate) flags: BTreeSet<i64>,
    pub(crate) activations: BTreeSet<i64>,
}

impl Snapshot {
    /// The ids of flags and activations with issues. A new row may be the one that they refer to.
    pub(crate) fn rows_with_issues(&self) -> Delta {
        let mut found = Delta::default();
        for issue in &*self.issues {
            let of_activation = issue.table == "activations";
            found.activations.extend(issue.id.filter(|_| of_activation));
            found.flags.extend(issue.flags.iter().filter_map(|name| self.id_of(name)));
        }
        found
    }

    /// The id of the row of the flag with this name.
    pub(crate) fn id_of(&self, name: &str) -> Option<i64> {
        let index = self.find_index(name)? as usize;
        match index.checked_sub(self.flags.len()) {
            None => self.ids.get(index).copied(),
            Some(in_part) => self.part()?.ids.get(in_part).copied(),
        }
    }

    /// The name of the flag whose row has this id, ignoring a patch.
    pub(crate) fn name_of_id(&self, id: i64) -> Option<&str> {
        self.flag_of_id(id).map(|index| self.name_of(index))
    }
}
