//! Who asks whom: cycles, what is broken by what, how deep and how shared. Nothing here recurses, since rows may nest
//! as deep as they like.

use std::{collections::HashSet, ops::Deref, sync::Arc};

use foldhash::fast::RandomState;

/// The edges between nodes, each from an activation to one that it asks.
#[derive(Clone, Default)]
pub(in crate::snapshot) struct Graph<L = Vec<u32>> {
    /// The nodes that are asked, one asking node after the other.
    edges: L,
    /// Where in `edges` those of each node end.
    ends: L,
}

/// A graph that is complete, of which a clone is cheap.
pub(in crate::snapshot) type Kept = Graph<Arc<[u32]>>;

/// Children before parents, for all nodes that no cycle is below.
pub(in crate::snapshot) struct Order {
    pub(in crate::snapshot) nodes: Vec<u32>,
    /// One for each edge that closes one.
    pub(in crate::snapshot) cycles: Vec<Cycle>,
}

/// Nodes that ask each other in a circle.
pub(in crate::snapshot) struct Cycle {
    /// The nodes, the first one again at the end; of a long cycle its beginning and its end. Thousands of edges may each
    /// close a cycle of thousands of nodes.
    pub(in crate::snapshot) nodes: Vec<u32>,
    /// How many nodes are left out in the middle.
    pub(in crate::snapshot) left_out: usize,
}

impl Cycle {
    /// How many nodes are kept at the beginning, and at the end.
    pub(in crate::snapshot) const KEPT: usize = 4;

    /// The nodes that are open, of which the last one asks the first one again.
    fn of(open: &[(u32, usize)]) -> Self {
        let again = open.first();
        let left_out = (open.len() + 1).saturating_sub(2 * Self::KEPT);
        let (start, end) = if left_out == 0 { (open, &[][..]) } else { open.split_at(Self::KEPT) };
        let end = end.get(left_out..).unwrap_or_default();
        Self { nodes: start.iter().chain(end).chain(again).map(|(node, _)| *node).collect(), left_out }
    }
}

impl Cycle {
    /// The same cycle, told from another node if need be, so that it is one of these that closes it; with the place where
    /// nodes are left out.
    pub(in crate::snapshot) fn closed_by(&self, is_one: impl Fn(u32) -> bool) -> (Vec<u32>, usize) {
        let mut nodes = self.nodes.clone();
        // The last one is the first one again.
        nodes.pop();
        let turn = nodes.iter().rposition(|node| is_one(*node)).map_or(0, |last| nodes.len() - 1 - last);
        nodes.rotate_right(turn);
        nodes.extend(nodes.first().copied());
        (nodes, Self::KEPT + turn)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Colour {
    New,
    /// On the path, and where.
    Open(u32),
    Done,
}

impl Graph {
    pub(in crate::snapshot) fn finish(self) -> Kept {
        Graph { edges: self.edges.into(), ends: self.ends.into() }
    }

    pub(in crate::snapshot) fn with_capacity(nodes: usize) -> Self {
        Self { edges: Vec::new(), ends: Vec::with_capacity(nodes) }
    }

    /// Adds a node, which asks these.
    pub(in crate::snapshot) fn push(&mut self, asks: impl IntoIterator<Item = u32>) {
        self.edges.extend(asks);
        // No list in memory reaches 2^32 entries.
        self.ends.push(u32::try_from(self.edges.len()).unwrap_or(u32::MAX));
    }
}

impl<L: Deref<Target = [u32]>> Graph<L> {
    /// How many nodes there are.
    pub(in crate::snapshot) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The nodes that a node asks.
    pub(in crate::snapshot) fn of(&self, node: u32) -> &[u32] {
        self.at(self.range(node))
    }

    /// Where they are.
    pub(in crate::snapshot) fn range(&self, node: u32) -> (u32, u32) {
        let node = node as usize;
        let start = node.checked_sub(1).and_then(|before| self.ends.get(before)).copied();
        (start.unwrap_or_default(), self.ends.get(node).copied().unwrap_or_default())
    }

    /// Those that are there.
    #[inline]
    pub(in crate::snapshot) fn at(&self, (start, end): (u32, u32)) -> &[u32] {
        self.edges.get(start as usize..end as usize).unwrap_or_default()
    }

    /// All edges, node by node.
    pub(in crate::snapshot) fn edges(&self) -> &[u32] {
        &self.edges
    }

    /// Walks the graph in depth, from each node in turn.
    pub(in crate::snapshot) fn order(&self) -> Order {
        let count = self.len();
        let mut colours = vec![Colour::New; count];
        let mut order = Order { nodes: Vec::with_capacity(count), cycles: Vec::new() };
        // The path from the start, each node with the number of its next child.
        let mut path: Vec<(u32, usize)> = Vec::new();
        for start in (0..).take(count) {
            if colours[start as usize] == Colour::New {
                colours[start as usize] = Colour::Open(0);
                path.push((start, 0));
            }
            while let Some((node, next)) = path.last_mut() {
                let node = *node;
                let Some(child) = self.of(node).get(*next).copied() else {
                    colours[node as usize] = Colour::Done;
                    order.nodes.push(node);
                    path.pop();
                    continue;
                };
                *next += 1;
                match colours.get(child as usize) {
                    Some(Colour::New) => {
                        // A path is no longer than the list of nodes.
                        colours[child as usize] = Colour::Open(u32::try_from(path.len()).unwrap_or(u32::MAX));
                        path.push((child, 0));
                    }
                    Some(Colour::Open(from)) => {
                        order.cycles.push(Cycle::of(path.get(*from as usize..).unwrap_or_default()));
                    }
                    Some(Colour::Done) | None => {}
                }
            }
        }
        order
    }

    /// The same edges the other way: what asks each of `count` nodes, directly.
    pub(in crate::snapshot) fn reversed(&self, count: usize) -> Graph {
        let mut ends = vec![0; count];
        for child in self.edges.iter() {
            if let Some(count) = ends.get_mut(*child as usize) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for count in &mut ends {
            // For the moment, where those of each node start.
            sum += std::mem::replace(count, sum);
        }
        let mut edges = vec![0; sum as usize];
        for node in (0..).take(self.len()) {
            for child in self.of(node) {
                if let Some(end) = ends.get_mut(*child as usize) {
                    edges[*end as usize] = node;
                    *end += 1;
                }
            }
        }
        Graph { edges, ends }
    }

    /// How many activations a question may pass down through, itself included.
    pub(in crate::snapshot) fn depths(&self, order: &Order) -> Vec<u32> {
        let mut depths = vec![1_u32; self.len()];
        if !self.edges.is_empty() {
            for node in &order.nodes {
                let below = self.of(*node).iter().map(|child| depths[*child as usize]).max();
                depths[*node as usize] = below.unwrap_or(0).saturating_add(1);
            }
        }
        depths
    }

    /// Whether each activation below these is reached on one way only. Gives up, with `false`, on a large number.
    pub(in crate::snapshot) fn is_tree(&self, roots: &[u32]) -> bool {
        // Walking further costs more at each load than remembering answers costs at each evaluation.
        const MOST: usize = 64;
        if roots.iter().all(|root| self.of(*root).is_empty()) {
            return true;
        }
        let mut seen: Vec<u32> = Vec::new();
        let mut open: Vec<u32> = roots.to_vec();
        while let Some(node) = open.pop() {
            if seen.len() == MOST || open.len() > MOST || seen.contains(&node) {
                return false;
            }
            seen.push(node);
            open.extend_from_slice(self.of(node));
        }
        true
    }

    /// Everything below these and themselves, children first.
    pub(in crate::snapshot) fn below(&self, roots: &[u32]) -> Vec<u32> {
        self.below_where(roots, |_| true)
    }

    /// The same, of these nodes alone. What is below a node that is none of them is not looked at.
    pub(in crate::snapshot) fn below_where(&self, roots: &[u32], is_one: impl Fn(u32) -> bool) -> Vec<u32> {
        let mut seen: HashSet<u32, RandomState> = HashSet::default();
        let mut order = Vec::new();
        let mut path: Vec<(u32, usize)> = Vec::new();
        for root in roots {
            if is_one(*root) && seen.insert(*root) {
                path.push((*root, 0));
            }
            while let Some((node, next)) = path.last_mut() {
                let Some(child) = self.of(*node).get(*next).copied() else {
                    order.push(*node);
                    path.pop();
                    continue;
                };
                *next += 1;
                if is_one(child) && seen.insert(child) {
                    path.push((child, 0));
                }
            }
        }
        order
    }
}
