//! Problems of nodes. Each row has only its first ones, since a config may have hundreds of thousands.

use std::collections::BTreeMap;

use crate::activation::{MAX_PROBLEMS, Problem};

/// Problems with their nodes.
#[derive(Default)]
pub(in crate::snapshot) struct Reports {
    list: Vec<(u32, Problem)>,
    /// How many problems the rows have that have any. A row has the same index as its node.
    counts: BTreeMap<u32, usize>,
    /// Nodes with problems that are not in the list.
    others: Vec<u32>,
}

impl Reports {
    /// Adds a problem of a node of a row, unless the row has many.
    pub(super) fn add(&mut self, row: u32, node: u32, problem: impl FnOnce() -> Problem) {
        let count = self.counts.entry(row).or_default();
        *count += 1;
        if *count <= MAX_PROBLEMS {
            self.list.push((node, problem()));
        } else if self.others.last() != Some(&node) {
            self.others.push(node);
        }
    }

    /// Counts problems of a row that were not kept.
    pub(super) fn omit(&mut self, row: u32, count: usize) {
        if count > 0 {
            *self.counts.entry(row).or_default() += count;
        }
    }

    /// Adds how many problems of each row are not in the list. For once all are added.
    pub(super) fn finish(&mut self) {
        for (row, count) in &self.counts {
            if let Some(more @ 1..) = count.checked_sub(MAX_PROBLEMS) {
                let message = format!("{more} more problems; the first {MAX_PROBLEMS} are listed");
                self.list.push((*row, Problem { path: "config".to_owned(), message }));
            }
        }
    }

    /// How many problems were added.
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(in crate::snapshot) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(in crate::snapshot) fn iter(&self) -> impl Iterator<Item = &(u32, Problem)> {
        self.list.iter()
    }

    /// All nodes with problems; some occur more than once.
    pub(in crate::snapshot) fn nodes(&self) -> impl Iterator<Item = u32> {
        self.list.iter().map(|(node, _)| *node).chain(self.others.iter().copied())
    }
}
