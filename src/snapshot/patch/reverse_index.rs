//! Who needs what: the graph of a snapshot from below, for who changes a row and wants to know which flags that may turn.

use std::collections::BTreeSet;

use crate::{
    snapshot::{Snapshot, compile::graph::Graph},
    store::Changed,
};

/// The edges of a snapshot the other way. Made once for many questions.
pub(crate) struct Askers {
    /// The nodes that ask each node.
    nodes: Graph,
    /// The flags that are linked to each node, by their indices.
    flags: Graph,
}

impl Askers {
    /// Those of a snapshot; a patch of it is left aside.
    pub(crate) fn of(snapshot: &Snapshot) -> Self {
        let count = snapshot.graph.len();
        Self { nodes: snapshot.graph.reversed(count), flags: snapshot.links.reversed(count) }
    }

    /// The ids of the rows that may answer otherwise when these change: they themselves, what needs the activations, and what
    /// asks one of the flags.
    pub(crate) fn affected(&self, snapshot: &Snapshot, changed: &Changed) -> Affected {
        let mut nodes = Vec::new();
        let mut flags = BTreeSet::new();
        for id in &changed.flags {
            flags.extend(snapshot.flag_of_id(*id));
            let place = snapshot.told.asked_flag(*id);
            nodes.extend(place.and_then(|place| snapshot.asked_flags.get(place).copied()));
        }
        if changed.is_new {
            // What only an override had so far may be a row now.
            let places = snapshot.told.flags_without_row();
            nodes.extend(places.filter_map(|place| snapshot.asked_flags.get(place).copied()));
        }
        nodes.extend(changed.activations.iter().filter_map(|id| snapshot.told.node_of(*id)));
        let mut affected = Affected::default();
        for node in self.nodes.below(&nodes) {
            flags.extend(self.flags.of(node));
            if snapshot.prerequisite_at(node).is_none() {
                affected.activations.extend(snapshot.told.id_of(node));
            }
        }
        affected.flags.extend(flags.into_iter().filter_map(|index| snapshot.ids.get(index as usize)));
        affected
    }
}

/// Rows that may answer otherwise, by their ids.
#[derive(Default)]
pub(crate) struct Affected {
    pub(crate) flags: BTreeSet<i64>,
    pub(crate) activations: BTreeSet<i64>,
}

impl Snapshot {
    /// The ids of flags that wait for a row that is not there, or are broken for another reason, and those of such
    /// activations: a new row may be what they wait for.
    pub(crate) fn waiting(&self) -> Changed {
        let mut waiting = Changed::default();
        for issue in &*self.issues {
            let of_activation = issue.table == "activations";
            waiting.activations.extend(issue.id.filter(|_| of_activation));
            waiting.flags.extend(issue.flags.iter().filter_map(|name| self.id_of(name)));
        }
        waiting
    }

    /// The id of the row of the flag with this name.
    pub(crate) fn id_of(&self, name: &str) -> Option<i64> {
        let index = self.find_index(name)? as usize;
        match index.checked_sub(self.flags.len()) {
            None => self.ids.get(index).copied(),
            Some(in_part) => self.part()?.ids.get(in_part).copied(),
        }
    }

    /// The name of the flag whose row has this id; not looked for in a patch.
    pub(crate) fn name_of_id(&self, id: i64) -> Option<&str> {
        self.flag_of_id(id).map(|index| self.name_of(index))
    }

    /// How many flags there are; those of a patch are left aside.
    pub(crate) fn flag_count(&self) -> usize {
        self.flags.len()
    }
}
