//! What each flag is linked to.

use std::collections::{BTreeSet, HashMap};

use crate::{
    rows::{Rows, issue::Issue},
    snapshot::compile::graph::Graph,
};

/// Where in a list the row with each id is. Of two rows with one id the first counts.
pub(in crate::snapshot) struct Places {
    first: i64,
    /// By how much the id is above `first`; [`Places::NONE`] where there is no row. Ids mostly follow one another.
    near: Vec<u32>,
    /// Those too far above.
    far: HashMap<i64, u32, foldhash::fast::RandomState>,
}

impl Places {
    const NONE: u32 = u32::MAX;

    /// Of these ids, which rise.
    pub(in crate::snapshot) fn of(ids: impl ExactSizeIterator<Item = i64> + Clone) -> Self {
        // A list of twice the length takes less memory and time than a map of the ids.
        let room = 2 * ids.len() as u64;
        let first = ids.clone().next().unwrap_or_default();
        let mut places = Self { first, near: Vec::with_capacity(ids.len()), far: HashMap::default() };
        for (place, id) in (0..).zip(ids) {
            let distance = id.abs_diff(first);
            if distance > room {
                places.far.entry(id).or_insert(place);
            } else if distance >= places.near.len() as u64 {
                // Below the room, which is a length.
                places.near.resize(usize::try_from(distance).unwrap_or_default(), Self::NONE);
                places.near.push(place);
            }
        }
        places
    }

    pub(in crate::snapshot) fn get(&self, id: i64) -> Option<u32> {
        if id < self.first {
            return None;
        }
        let near = usize::try_from(id.abs_diff(self.first)).ok().and_then(|at| self.near.get(at));
        near.copied().filter(|place| *place != Self::NONE).or_else(|| self.far.get(&id).copied())
    }
}

/// What each flag is linked to.
pub(in crate::snapshot) struct Links {
    /// The nodes that each flag asks, by the flag's index, in the order of the activations' ids (R3).
    pub(in crate::snapshot) nodes: Graph,
    /// Links that lead nowhere.
    pub(in crate::snapshot) broken: Vec<Issue>,
    /// The flags that have such links, by their indices.
    pub(in crate::snapshot) lost: BTreeSet<u32>,
}

impl Links {
    pub(in crate::snapshot) fn of(rows: &Rows, activations: &Places) -> Self {
        let flags = Places::of(rows.flags.iter().map(|row| row.id));
        let (mut pairs, mut broken) = (Vec::with_capacity(rows.links.len()), Vec::new());
        let mut lost = BTreeSet::new();
        for link in &rows.links {
            let flag = link.flag_id.and_then(|id| flags.get(id));
            let node = link.activation_id.and_then(|id| activations.get(id));
            if let (Some(flag), Some(node)) = (flag, node) {
                pairs.push((flag, node));
            } else {
                lost.extend(flag);
                broken.push(lost_link(rows, link.flag_id, link.activation_id, flag));
            }
        }
        // Activations stand in the order of their ids, and so do their nodes. Stores give links nearly so.
        pairs.sort_unstable();
        pairs.dedup();
        let mut pairs = pairs.into_iter().peekable();
        let mut nodes = Graph::with_capacity(rows.flags.len());
        for flag in (0..).take(rows.flags.len()) {
            nodes.push(std::iter::from_fn(|| pairs.next_if(|(of, _)| *of == flag).map(|(_, node)| node)));
        }
        Self { nodes, broken, lost }
    }
}

fn lost_link(rows: &Rows, flag_id: Option<i64>, activation_id: Option<i64>, flag: Option<u32>) -> Issue {
    let text = |id: Option<i64>| id.map_or_else(|| "null".to_owned(), |id| id.to_string());
    let (path, message) = match (flag, flag_id, activation_id) {
        (None, None, _) => ("flag_id", "expected the id of a flag, found null".to_owned()),
        (None, Some(id), _) => ("flag_id", format!("no flag has the id {id}")),
        (Some(_), _, None) => ("activation_id", "expected the id of an activation, found null".to_owned()),
        (Some(_), _, Some(id)) => ("activation_id", format!("no activation has the id {id}")),
    };
    let row = flag.and_then(|flag| rows.flags.get(flag as usize));
    let pair = || format!("({}, {})", text(flag_id), text(activation_id));
    Issue {
        table: "flags_activations",
        id: flag_id,
        name: row.map_or_else(pair, |row| row.name.clone()),
        path: path.to_owned(),
        message,
        flags: row.map(|row| row.name.clone()).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_id_has_its_place(
            ids in proptest::collection::vec(prop_oneof![-3..20_i64, any::<i64>()], 0..20),
            asked in prop_oneof![-5..25_i64, any::<i64>()],
        ) {
            let mut ids = ids;
            ids.sort_unstable();
            let places = Places::of(ids.iter().copied());
            let mut known = BTreeMap::new();
            for (place, id) in (0..).zip(&ids) {
                known.entry(*id).or_insert(place);
            }
            for id in ids.iter().chain([&asked]) {
                prop_assert_eq!(places.get(*id), known.get(id).copied());
            }
        }
    }
}
