//! What follows from the whole graph, for each node.

use crate::activation::evaluation::Node;
use crate::snapshot::compile::{
    links::Links,
    nodes::{Draft, Drafts},
};

/// Up to this many activations below one another are asked by recursion: what a thread with a stack of 256 KiB can
/// take with room to spare, even in a build without optimization.
pub(in crate::snapshot) const DEEPEST_RECURSION: u32 = 64;

/// What follows from the whole graph, for each node.
pub(in crate::snapshot) struct Facts {
    broken: Vec<bool>,
    pub(in crate::snapshot) depths: Vec<u32>,
    /// Whether the node or one below it divides callers by chance.
    pub(in crate::snapshot) splits: Vec<bool>,
    /// Whether the node or one below it answers otherwise for another flag.
    pub(in crate::snapshot) by_flag: Vec<bool>,
    /// Whether the node or one below it may assign a variant.
    pub(in crate::snapshot) assign: Vec<bool>,
    /// Where the node's answer is remembered, or [`Node::NO_SLOT`].
    pub(in crate::snapshot) slots: Vec<u32>,
    /// How many answers are remembered.
    pub(in crate::snapshot) remembered: usize,
}

impl Facts {
    pub(in crate::snapshot) fn of(drafts: &Drafts, links: &Links) -> Self {
        let (graph, count) = (&drafts.graph, drafts.list.len());
        let broken = broken(drafts);
        let depths = graph.depths(&drafts.order);
        let splits = spread(drafts, |draft| draft.is_split);
        let by_flag = spread(drafts, |draft| draft.by_flag);
        let assign = spread(drafts, Draft::assigns_variants);
        let mut deep = vec![false; count];
        let is_deep = |root: &&u32| depths[**root as usize] > DEEPEST_RECURSION;
        let deep_roots: Vec<u32> = links.nodes.edges().iter().filter(is_deep).copied().collect();
        for node in graph.below(&deep_roots) {
            deep[node as usize] = true;
        }
        // Rows that are alike give the same answer, and count as one, unless the answer depends on the flag.
        let one = |node: u32| match drafts.list.get(node as usize) {
            Some(draft) if !by_flag[node as usize] => draft.like,
            _ => node,
        };
        // The answers below a flag have numbers of the flag's, of which there is one for each.
        let is_flag = |node: u32| drafts.list.get(node as usize).is_some_and(Draft::is_flag);
        let mut asked_by = vec![0_u32; count];
        for node in graph.edges().iter().chain(links.nodes.edges()) {
            let askers = &mut asked_by[one(*node) as usize];
            *askers = askers.saturating_add(1);
        }
        let (mut free, mut slots) = (0, vec![Node::NO_SLOT; count]);
        for node in (0..).take(count) {
            let like = one(node) as usize;
            if like < node as usize && slots[like] != Node::NO_SLOT {
                slots[node as usize] = slots[like];
            } else if asked_by[like] > 1 || deep[node as usize] || is_flag(node) {
                slots[node as usize] = free;
                free += 1;
            }
        }
        Self { broken, depths, splits, by_flag, assign, slots, remembered: free as usize }
    }

    pub(in crate::snapshot) fn any_broken(&self, nodes: &[u32]) -> bool {
        nodes.iter().any(|node| self.broken[*node as usize])
    }
}

/// Whether there is something wrong with each node, or with one below it.
fn broken(drafts: &Drafts) -> Vec<bool> {
    let mut broken = vec![false; drafts.list.len()];
    if drafts.problems.is_empty() && drafts.broken_flags.is_empty() {
        return broken;
    }
    let parents = drafts.graph.reversed(drafts.graph.len());
    let mut open: Vec<u32> = drafts.problems.iter().map(|(node, _)| *node).collect();
    open.extend(&drafts.broken_flags);
    while let Some(node) = open.pop() {
        if !std::mem::replace(&mut broken[node as usize], true) {
            open.extend_from_slice(parents.of(node));
        }
    }
    broken
}

/// What holds for a node itself holds for whoever asks it, up to a flag: whoever asks that hears whether it is on, and no
/// more.
fn spread(drafts: &Drafts, holds: impl Fn(&Draft) -> bool) -> Vec<bool> {
    let mut found: Vec<bool> = drafts.list.iter().map(holds).collect();
    if !drafts.graph.edges().is_empty() {
        for node in &drafts.order.nodes {
            let below = drafts.graph.of(*node).iter().any(|child| found[*child as usize]);
            let is_flag = drafts.list.get(*node as usize).is_some_and(Draft::is_flag);
            found[*node as usize] |= below && !is_flag;
        }
    }
    found
}
