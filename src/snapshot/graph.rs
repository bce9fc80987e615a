//! Who asks whom: cycles, what is broken by what, how deep and how shared. Nothing here recurses, since rows may nest
//! as deep as they like.

/// The edges between nodes, each from an activation to one that it asks.
pub(super) struct Graph {
    pub(super) children: Vec<Vec<u32>>,
}

/// Children before parents, for all nodes that no cycle is below.
pub(super) struct Order {
    pub(super) nodes: Vec<u32>,
    /// One cycle for each edge that closes one: the nodes on it, the first one again at the end.
    pub(super) cycles: Vec<Vec<u32>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Colour {
    New,
    Open,
    Done,
}

impl Graph {
    fn children_of(&self, node: u32) -> &[u32] {
        self.children.get(node as usize).map_or(&[], Vec::as_slice)
    }

    /// Walks the graph in depth, from each node in turn.
    pub(super) fn order(&self) -> Order {
        let count = self.children.len();
        let mut colours = vec![Colour::New; count];
        let mut order = Order { nodes: Vec::with_capacity(count), cycles: Vec::new() };
        // The path from the start, each node with the number of its next child.
        let mut path: Vec<(u32, usize)> = Vec::new();
        for start in (0..).take(count) {
            if colours[start as usize] == Colour::New {
                colours[start as usize] = Colour::Open;
                path.push((start, 0));
            }
            while let Some((node, next)) = path.last_mut() {
                let node = *node;
                let Some(child) = self.children_of(node).get(*next).copied() else {
                    colours[node as usize] = Colour::Done;
                    order.nodes.push(node);
                    path.pop();
                    continue;
                };
                *next += 1;
                match colours.get(child as usize) {
                    Some(Colour::New) => {
                        colours[child as usize] = Colour::Open;
                        path.push((child, 0));
                    }
                    Some(Colour::Open) => {
                        let from = path.iter().position(|(open, _)| *open == child).unwrap_or_default();
                        let cycle = path[from..].iter().map(|(open, _)| *open).chain([child]).collect();
                        order.cycles.push(cycle);
                    }
                    Some(Colour::Done) | None => {}
                }
            }
        }
        order
    }

    /// The nodes that ask each node, directly.
    pub(super) fn parents(&self) -> Vec<Vec<u32>> {
        let mut parents = vec![Vec::new(); self.children.len()];
        for (parent, children) in (0..).zip(&self.children) {
            for child in children {
                if let Some(parents) = parents.get_mut(*child as usize) {
                    parents.push(parent);
                }
            }
        }
        parents
    }

    /// How many activations a question may pass down through, itself included.
    pub(super) fn depths(&self, order: &Order) -> Vec<u32> {
        let mut depths = vec![1_u32; self.children.len()];
        for node in &order.nodes {
            let below = self.children_of(*node).iter().map(|child| depths[*child as usize]).max();
            depths[*node as usize] = below.unwrap_or(0).saturating_add(1);
        }
        depths
    }

    /// Whether each activation below these is reached on one way only. Gives up, with `false`, on a large number.
    pub(super) fn is_tree(&self, roots: &[u32]) -> bool {
        // Walking further costs more at each load than remembering answers costs at each evaluation.
        const MOST: usize = 64;
        let mut seen: Vec<u32> = Vec::new();
        let mut open: Vec<u32> = roots.to_vec();
        while let Some(node) = open.pop() {
            if seen.len() == MOST || open.len() > MOST || seen.contains(&node) {
                return false;
            }
            seen.push(node);
            open.extend_from_slice(self.children_of(node));
        }
        true
    }

    /// Everything below these and themselves, children first.
    pub(super) fn below(&self, roots: &[u32]) -> Vec<u32> {
        let mut seen = std::collections::HashSet::new();
        let mut order = Vec::new();
        let mut path: Vec<(u32, usize)> = Vec::new();
        for root in roots {
            if seen.insert(*root) {
                path.push((*root, 0));
            }
            while let Some((node, next)) = path.last_mut() {
                let Some(child) = self.children_of(*node).get(*next).copied() else {
                    order.push(*node);
                    path.pop();
                    continue;
                };
                *next += 1;
                if seen.insert(child) {
                    path.push((child, 0));
                }
            }
        }
        order
    }
}
