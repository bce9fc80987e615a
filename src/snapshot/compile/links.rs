//! Resolves the links from flags to activations.

use std::collections::{BTreeSet, HashMap};

use crate::{
    rows::{Rows, issue::Issue},
    snapshot::compile::graph::Graph,
};

/// Maps ids of rows to their positions in a sorted list. If two rows have the same id, the first one counts.
pub(in crate::snapshot) struct IdIndex {
    first: i64,
    /// Positions by `id - first`; [`IdIndex::NONE`] where there is no row. Most ids are close to one another.
    near: Vec<u32>,
    /// Positions of ids that are too far above `first`.
    far: HashMap<i64, u32, foldhash::fast::RandomState>,
}

impl IdIndex {
    const NONE: u32 = u32::MAX;

    /// `ids` must be sorted in ascending order.
    pub(in crate::snapshot) fn new(ids: impl ExactSizeIterator<Item = i64> + Clone) -> Self {
        // A list of twice the length takes less memory and time than a hash map.
        let limit = 2 * ids.len() as u64;
        let first = ids.clone().next().unwrap_or_default();
        let mut index = Self { first, near: Vec::with_capacity(ids.len()), far: HashMap::default() };
        for (position, id) in (0..).zip(ids) {
            let distance = id.abs_diff(first);
            if distance > limit {
                index.far.entry(id).or_insert(position);
            } else if distance >= index.near.len() as u64 {
                // At most `limit`, so it fits.
                index.near.resize(usize::try_from(distance).unwrap_or_default(), Self::NONE);
                index.near.push(position);
            }
        }
        index
    }

    pub(in crate::snapshot) fn get(&self, id: i64) -> Option<u32> {
        if id < self.first {
            return None;
        }
        let near = usize::try_from(id.abs_diff(self.first)).ok().and_then(|at| self.near.get(at));
        near.copied().filter(|position| *position != Self::NONE).or_else(|| self.far.get(&id).copied())
    }
}

/// The activations that each flag is linked to.
pub(in crate::snapshot) struct Links {
    /// The linked nodes by the flag's index, in the order of the activations' ids.
    pub(in crate::snapshot) nodes: Graph,
    /// Issues of links whose flag or activation does not exist.
    pub(in crate::snapshot) issues: Vec<Issue>,
    /// The indices of flags with such links.
    pub(in crate::snapshot) unresolved: BTreeSet<u32>,
}

impl Links {
    pub(in crate::snapshot) fn resolve(rows: &Rows, activations: &IdIndex) -> Self {
        let flags = IdIndex::new(rows.flags.iter().map(|row| row.id));
        let (mut pairs, mut issues) = (Vec::with_capacity(rows.links.len()), Vec::new());
        let mut unresolved = BTreeSet::new();
        for link in &rows.links {
            let flag = link.flag_id.and_then(|id| flags.get(id));
            let node = link.activation_id.and_then(|id| activations.get(id));
            if let (Some(flag), Some(node)) = (flag, node) {
                pairs.push((flag, node));
            } else {
                unresolved.extend(flag);
                issues.push(unresolved_link(rows, link.flag_id, link.activation_id, flag));
            }
        }
        // Nodes are in the order of the activations' ids. Stores return links nearly sorted.
        pairs.sort_unstable();
        pairs.dedup();
        let mut pairs = pairs.into_iter().peekable();
        let mut nodes = Graph::with_capacity(rows.flags.len());
        for flag in (0..).take(rows.flags.len()) {
            nodes.push(std::iter::from_fn(|| pairs.next_if(|(of, _)| *of == flag).map(|(_, node)| node)));
        }
        Self { nodes, issues, unresolved }
    }
}

fn unresolved_link(
    rows: &Rows,
    flag_id: Option<i64>,
    activation_id: Option<i64>,
    flag: Option<u32>,
) -> Issue {
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
        warning: false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn id_index_matches_a_map(
            ids in proptest::collection::vec(prop_oneof![-3..20_i64, any::<i64>()], 0..20),
            asked in prop_oneof![-5..25_i64, any::<i64>()],
        ) {
            let mut ids = ids;
            ids.sort_unstable();
            let index = IdIndex::new(ids.iter().copied());
            let mut known = BTreeMap::new();
            for (position, id) in (0..).zip(&ids) {
                known.entry(*id).or_insert(position);
            }
            for id in ids.iter().chain([&asked]) {
                prop_assert_eq!(index.get(*id), known.get(id).copied());
            }
        }
    }
}
