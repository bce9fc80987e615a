//! The directed graph of nodes: cycles, depths, reachability. Nothing here recurses, because rows may nest to
//! any depth.

use std::{collections::HashSet, ops::Deref, sync::Arc};

use foldhash::fast::RandomState;

/// The edges between nodes, each from an activation to one that it evaluates.
#[derive(Clone, Default)]
pub(in crate::snapshot) struct Graph<L = Vec<u32>> {
    /// The targets of all edges, grouped by source node.
    edges: L,
    /// For each node, the end of its group in `edges`.
    ends: L,
}

/// A complete graph that is cheap to clone.
pub(in crate::snapshot) type FrozenGraph = Graph<Arc<[u32]>>;

/// The nodes in topological order, children first. Nodes on a cycle are in it as well, in no particular
/// order.
pub(in crate::snapshot) struct TopologicalOrder {
    pub(in crate::snapshot) nodes: Vec<u32>,
    /// One for each edge that closes a cycle.
    pub(in crate::snapshot) cycles: Vec<Cycle>,
}

/// Nodes that evaluate each other in a cycle.
pub(in crate::snapshot) struct Cycle {
    /// The nodes, with the first one repeated at the end. Long cycles are cut in the middle, because
    /// thousands of edges may each close a cycle of thousands of nodes.
    pub(in crate::snapshot) nodes: Vec<u32>,
    /// The number of nodes cut from the middle.
    pub(in crate::snapshot) omitted: usize,
}

impl Cycle {
    /// The number of nodes listed at each end of a cycle that is cut.
    const LISTED: usize = 4;

    /// Cycles up to this length start at their smallest node. Rotating longer ones could take quadratic time.
    const MAX_ROTATED: usize = 64;

    /// The cycle along `path`, whose last node has an edge to its first.
    ///
    /// A short cycle is the same wherever the search entered it, so that a patch and a full compilation report
    /// the same issue.
    fn along(path: &[(u32, usize)]) -> Self {
        let mut rotated = Vec::new();
        let path = if path.len() <= Self::MAX_ROTATED {
            let smallest = path.iter().enumerate().min_by_key(|(_, (node, _))| *node);
            rotated.extend_from_slice(path);
            rotated.rotate_left(smallest.map_or(0, |(position, _)| position));
            &rotated
        } else {
            path
        };
        let repeated = path.first();
        let omitted = (path.len() + 1).saturating_sub(2 * Self::LISTED);
        let (start, end) = if omitted == 0 { (path, &[][..]) } else { path.split_at(Self::LISTED) };
        let end = end.get(omitted..).unwrap_or_default();
        Self { nodes: start.iter().chain(end).chain(repeated).map(|(node, _)| *node).collect(), omitted }
    }

    /// Rotates the cycle so that a node which satisfies the predicate closes it. Also returns the position of
    /// the cut.
    pub(in crate::snapshot) fn closed_by(&self, predicate: impl Fn(u32) -> bool) -> (Vec<u32>, usize) {
        let mut nodes = self.nodes.clone();
        // Without the repeated first node while rotating.
        nodes.pop();
        let turn = nodes.iter().rposition(|node| predicate(*node)).map_or(0, |last| nodes.len() - 1 - last);
        nodes.rotate_right(turn);
        nodes.extend(nodes.first().copied());
        (nodes, Self::LISTED + turn)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Color {
    Unvisited,
    /// On the current path, at this position.
    OnPath(u32),
    Done,
}

impl Graph {
    pub(in crate::snapshot) fn freeze(self) -> FrozenGraph {
        Graph { edges: self.edges.into(), ends: self.ends.into() }
    }

    pub(in crate::snapshot) fn with_capacity(nodes: usize) -> Self {
        Self { edges: Vec::new(), ends: Vec::with_capacity(nodes) }
    }

    /// Adds a node with edges to `targets`.
    pub(in crate::snapshot) fn push(&mut self, targets: impl IntoIterator<Item = u32>) {
        self.edges.extend(targets);
        // No list in memory reaches 2^32 entries.
        self.ends.push(u32::try_from(self.edges.len()).unwrap_or(u32::MAX));
    }
}

impl<L: Deref<Target = [u32]>> Graph<L> {
    /// The number of nodes.
    pub(in crate::snapshot) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The nodes that a node has edges to.
    pub(in crate::snapshot) fn targets(&self, node: u32) -> &[u32] {
        self.slice(self.range(node))
    }

    /// The range of a node's targets, for [`slice`](Self::slice).
    pub(in crate::snapshot) fn range(&self, node: u32) -> (u32, u32) {
        let node = node as usize;
        let start = node.checked_sub(1).and_then(|before| self.ends.get(before)).copied();
        (start.unwrap_or_default(), self.ends.get(node).copied().unwrap_or_default())
    }

    #[inline]
    pub(in crate::snapshot) fn slice(&self, (start, end): (u32, u32)) -> &[u32] {
        self.edges.get(start as usize..end as usize).unwrap_or_default()
    }

    /// The targets of all edges.
    pub(in crate::snapshot) fn edges(&self) -> &[u32] {
        &self.edges
    }

    /// Sorts the nodes by a depth-first search.
    pub(in crate::snapshot) fn topological_order(&self) -> TopologicalOrder {
        let count = self.len();
        let mut colors = vec![Color::Unvisited; count];
        let mut order = TopologicalOrder { nodes: Vec::with_capacity(count), cycles: Vec::new() };
        // The current path, each node with the position of its next child.
        let mut path: Vec<(u32, usize)> = Vec::new();
        for start in (0..).take(count) {
            if colors[start as usize] == Color::Unvisited {
                colors[start as usize] = Color::OnPath(0);
                path.push((start, 0));
            }
            while let Some((node, next)) = path.last_mut() {
                let node = *node;
                let Some(child) = self.targets(node).get(*next).copied() else {
                    colors[node as usize] = Color::Done;
                    order.nodes.push(node);
                    path.pop();
                    continue;
                };
                *next += 1;
                match colors.get(child as usize) {
                    Some(Color::Unvisited) => {
                        // A path is no longer than the list of nodes.
                        colors[child as usize] = Color::OnPath(u32::try_from(path.len()).unwrap_or(u32::MAX));
                        path.push((child, 0));
                    }
                    Some(Color::OnPath(from)) => {
                        order.cycles.push(Cycle::along(path.get(*from as usize..).unwrap_or_default()));
                    }
                    Some(Color::Done) | None => {}
                }
            }
        }
        order
    }

    /// The graph with all edges reversed; its targets are the sources, for each of `count` nodes.
    pub(in crate::snapshot) fn reversed(&self, count: usize) -> Graph {
        let mut ends = vec![0; count];
        for child in self.edges.iter() {
            if let Some(count) = ends.get_mut(*child as usize) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for count in &mut ends {
            // For now, where the group of each node starts; filling the groups moves it to their end.
            sum += std::mem::replace(count, sum);
        }
        let mut edges = vec![0; sum as usize];
        for node in (0..).take(self.len()) {
            for child in self.targets(node) {
                if let Some(end) = ends.get_mut(*child as usize) {
                    edges[*end as usize] = node;
                    *end += 1;
                }
            }
        }
        Graph { edges, ends }
    }

    /// The length of the longest path from each node, in nodes.
    pub(in crate::snapshot) fn depths(&self, order: &TopologicalOrder) -> Vec<u32> {
        let mut depths = vec![1_u32; self.len()];
        if !self.edges.is_empty() {
            for node in &order.nodes {
                let below = self.targets(*node).iter().map(|child| depths[*child as usize]).max();
                depths[*node as usize] = below.unwrap_or(0).saturating_add(1);
            }
        }
        depths
    }

    /// Whether every node below the roots is reached by a single path. Returns `false` for large graphs
    /// without looking further.
    pub(in crate::snapshot) fn is_tree(&self, roots: &[u32]) -> bool {
        // Beyond this, the walk costs more at each load than a memo costs at each evaluation.
        const MOST: usize = 64;
        if roots.iter().all(|root| self.targets(*root).is_empty()) {
            return true;
        }
        let mut seen: Vec<u32> = Vec::new();
        let mut stack: Vec<u32> = roots.to_vec();
        while let Some(node) = stack.pop() {
            if seen.len() == MOST || stack.len() > MOST || seen.contains(&node) {
                return false;
            }
            seen.push(node);
            stack.extend_from_slice(self.targets(node));
        }
        true
    }

    /// The roots and all nodes reachable from them, children first.
    pub(in crate::snapshot) fn reachable(&self, roots: &[u32]) -> Vec<u32> {
        self.reachable_where(roots, |_| true)
    }

    /// The nodes reachable from the roots through nodes that satisfy the predicate, children first.
    pub(in crate::snapshot) fn reachable_where(
        &self,
        roots: &[u32],
        predicate: impl Fn(u32) -> bool,
    ) -> Vec<u32> {
        let mut seen: HashSet<u32, RandomState> = HashSet::default();
        let mut order = Vec::new();
        let mut path: Vec<(u32, usize)> = Vec::new();
        for root in roots {
            if predicate(*root) && seen.insert(*root) {
                path.push((*root, 0));
            }
            while let Some((node, next)) = path.last_mut() {
                let Some(child) = self.targets(*node).get(*next).copied() else {
                    order.push(*node);
                    path.pop();
                    continue;
                };
                *next += 1;
                if predicate(child) && seen.insert(child) {
                    path.push((child, 0));
                }
            }
        }
        order
    }
}
