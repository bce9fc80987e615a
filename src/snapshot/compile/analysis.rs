//! Properties of each node that follow from the whole graph.

use crate::activation::{
    cause::{CauseSet, PossibleCauses},
    evaluation::Node,
};
use crate::snapshot::compile::{
    draws::DrawingNodes,
    links::Links,
    nodes::{DraftNode, DraftNodes},
};

/// Up to this depth, activations are evaluated by recursion. A thread with a stack of 256 KiB can take it
/// with room to spare, even without optimization.
pub(in crate::snapshot) const MAX_RECURSION: u32 = 64;

/// Properties of each node that follow from the whole graph.
pub(in crate::snapshot) struct Analysis {
    broken: Vec<bool>,
    pub(in crate::snapshot) depths: Vec<u32>,
    causes: Vec<PossibleCauses>,
    /// Whether the reason of a flag that depends on the node differs by caller, so that evaluations note what
    /// decides.
    pub(in crate::snapshot) tracked: Vec<bool>,
    /// Whether the verdict of the node or of one below it depends on which flag is evaluated.
    pub(in crate::snapshot) by_flag: Vec<bool>,
    /// Whether the node or one below it may assign a variant.
    pub(in crate::snapshot) assigns_variant: Vec<bool>,
    /// The nodes whose draws exposures record.
    pub(in crate::snapshot) draws: DrawingNodes,
    /// The memo slot of the node's verdict, or [`Node::NO_SLOT`].
    pub(in crate::snapshot) slots: Vec<u32>,
    /// The number of memo slots.
    pub(in crate::snapshot) slot_count: usize,
}

impl Analysis {
    pub(in crate::snapshot) fn new(drafts: &DraftNodes, links: &Links) -> Self {
        let depths = drafts.graph.depths(&drafts.order);
        let by_flag = propagate(drafts, |draft| draft.by_flag);
        let (slots, slot_count) = memo_slots(drafts, links, &depths, &by_flag);
        let causes = possible_causes(drafts);
        Self {
            broken: broken(drafts),
            tracked: tracked(drafts, links, &causes, (&slots, slot_count)),
            causes,
            assigns_variant: propagate(drafts, DraftNode::assigns_variants),
            draws: DrawingNodes::new(drafts),
            depths,
            by_flag,
            slots,
            slot_count,
        }
    }

    pub(in crate::snapshot) fn any_broken(&self, nodes: &[u32]) -> bool {
        nodes.iter().any(|node| self.broken[*node as usize])
    }

    /// What may decide that all of these nodes are on.
    pub(in crate::snapshot) fn causes_of_all(&self, nodes: &[u32]) -> CauseSet {
        causes_of_all(&self.causes, nodes)
    }
}

/// What may decide the verdicts of each node.
fn possible_causes(drafts: &DraftNodes) -> Vec<PossibleCauses> {
    let mut found = vec![PossibleCauses::default(); drafts.list.len()];
    for node in &drafts.order.nodes {
        let Some(draft) = drafts.list.get(*node as usize) else { continue };
        let children = drafts.graph.targets(*node).iter().map(|child| &found[*child as usize]);
        found[*node as usize] = draft.cause_rule.possible(children);
    }
    found
}

fn causes_of_all(causes: &[PossibleCauses], nodes: &[u32]) -> CauseSet {
    CauseSet::all(nodes.iter().map(|node| causes[*node as usize].on))
}

/// Whether evaluations note what decides the verdict of each node.
fn tracked(
    drafts: &DraftNodes,
    links: &Links,
    causes: &[PossibleCauses],
    (slots, slot_count): (&[u32], usize),
) -> Vec<bool> {
    let mut tracked = vec![false; drafts.list.len()];
    let flags = (0..).take(links.nodes.len()).map(|flag| links.nodes.targets(flag));
    let differing = flags.filter(|linked| causes_of_all(causes, linked).len() > 1);
    let roots: Vec<u32> = differing.flatten().copied().collect();
    if roots.is_empty() {
        return tracked;
    }
    let mut tracked_slots = vec![false; slot_count];
    for node in drafts.graph.reachable(&roots) {
        tracked[node as usize] = true;
        if let Some(slot) = tracked_slots.get_mut(slots[node as usize] as usize) {
            *slot = true;
        }
    }
    // Nodes that share a slot are all tracked: any of them may be the one that is evaluated.
    for (node, slot) in slots.iter().enumerate() {
        tracked[node] |= tracked_slots.get(*slot as usize).copied().unwrap_or_default();
    }
    tracked
}

/// Gives a memo slot to each node whose verdict may be needed more than once in one evaluation.
fn memo_slots(drafts: &DraftNodes, links: &Links, depths: &[u32], by_flag: &[bool]) -> (Vec<u32>, usize) {
    let (graph, count) = (&drafts.graph, drafts.list.len());
    let mut deep = vec![false; count];
    let is_deep = |root: &&u32| depths[**root as usize] > MAX_RECURSION;
    let deep_roots: Vec<u32> = links.nodes.edges().iter().filter(is_deep).copied().collect();
    for node in graph.reachable(&deep_roots) {
        deep[node as usize] = true;
    }
    // Rows with the same type and config share a slot, unless their verdict depends on the flag.
    let canonical = |node: u32| match drafts.list.get(node as usize) {
        Some(draft) if !by_flag[node as usize] => draft.canonical,
        _ => node,
    };
    // Flags always have a slot: verdicts below a flag are stored per flag.
    let is_flag = |node: u32| drafts.list.get(node as usize).is_some_and(DraftNode::is_flag);
    let mut uses = vec![0_u32; count];
    for node in graph.edges().iter().chain(links.nodes.edges()) {
        let uses = &mut uses[canonical(*node) as usize];
        *uses = uses.saturating_add(1);
    }
    let (mut free, mut slots) = (0, vec![Node::NO_SLOT; count]);
    for node in (0..).take(count) {
        let canonical = canonical(node) as usize;
        if canonical < node as usize && slots[canonical] != Node::NO_SLOT {
            slots[node as usize] = slots[canonical];
        } else if uses[canonical] > 1 || deep[node as usize] || is_flag(node) {
            slots[node as usize] = free;
            free += 1;
        }
    }
    (slots, free as usize)
}

/// Whether each node, or one below it, has a problem.
fn broken(drafts: &DraftNodes) -> Vec<bool> {
    let mut broken = vec![false; drafts.list.len()];
    if drafts.problems.is_empty() && drafts.broken_flags.is_empty() {
        return broken;
    }
    let parents = drafts.graph.reversed(drafts.graph.len());
    let mut stack: Vec<u32> = drafts.problems.nodes().collect();
    stack.extend(&drafts.broken_flags);
    while let Some(node) = stack.pop() {
        if !std::mem::replace(&mut broken[node as usize], true) {
            stack.extend_from_slice(parents.targets(node));
        }
    }
    broken
}

/// Propagates a property of nodes to the nodes above them. It stops at flags: what depends on a flag sees
/// only its verdict.
fn propagate(drafts: &DraftNodes, property: impl Fn(&DraftNode) -> bool) -> Vec<bool> {
    let mut found: Vec<bool> = drafts.list.iter().map(property).collect();
    if !drafts.graph.edges().is_empty() {
        for node in &drafts.order.nodes {
            let below = drafts.graph.targets(*node).iter().any(|child| found[*child as usize]);
            let is_flag = drafts.list.get(*node as usize).is_some_and(DraftNode::is_flag);
            found[*node as usize] |= below && !is_flag;
        }
    }
    found
}
