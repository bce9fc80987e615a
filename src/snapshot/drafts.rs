//! The first half of compiling: each activation by itself, and whom it asks.

use std::{
    collections::HashMap,
    mem,
    panic::{self, AssertUnwindSafe},
    sync::atomic::AtomicBool,
};

use super::{
    NodeInfo,
    compile::Facts,
    graph::{Graph, Order},
};
use crate::{
    activation::{Activation, ChildReference, Compile, Linker, Problem, Variant},
    check::Node,
    registry::Registry,
    rows::{ActivationRow, Rows},
};

pub(super) type Index<K> = HashMap<K, u32, foldhash::fast::RandomState>;

/// An index into one of a snapshot's lists. No list reaches 2^32 entries: it would not fit into memory.
pub(super) fn index(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

/// The names of variants, each with its number.
#[derive(Default)]
pub(super) struct Variants {
    pub(super) names: Vec<Box<str>>,
    numbers: Index<Box<str>>,
}

impl Variants {
    pub(super) fn number(&mut self, name: &str) -> Variant {
        if let Some(known) = self.numbers.get(name) {
            return Variant(*known);
        }
        let number = index(self.names.len());
        self.names.push(name.into());
        self.numbers.insert(name.into(), number);
        Variant(number)
    }
}

/// An activation on its way to becoming a node.
pub(super) struct Draft {
    /// Index of the row in [`Rows::activations`].
    pub(super) row: u32,
    /// Where in the row's config an inline activation stands, with a dot at the end; empty for the row itself.
    pub(super) path: String,
    class_name: String,
    /// Nothing if the registry could not build it.
    activation: Option<Box<dyn Activation>>,
    child_paths: Vec<String>,
    pub(super) problems: Vec<Problem>,
    /// Whether the activation itself answers otherwise for another flag.
    pub(super) by_flag: bool,
    /// Whether evaluating may panic.
    may_panic: bool,
}

impl Draft {
    /// Whether the activation itself divides callers by chance.
    pub(super) fn is_split(&self) -> bool {
        self.activation.as_ref().is_some_and(|activation| activation.is_split())
    }
}

/// All activations: those of the rows first, in their order, then those written inline.
pub(super) struct Drafts {
    pub(super) list: Vec<Draft>,
    /// The node of each row, by the row's id.
    pub(super) ids: Index<i64>,
    pub(super) graph: Graph,
    pub(super) order: Order,
}

impl Drafts {
    pub(super) fn build(rows: &Rows, registry: &Registry, variants: &mut Variants) -> Self {
        let mut ids =
            Index::with_capacity_and_hasher(rows.activations.len(), foldhash::fast::RandomState::default());
        let mut twins = Vec::new();
        for (node, row) in (0..).zip(&rows.activations) {
            // The first of two rows with one id is the one that others mean.
            if *ids.entry(row.id).or_insert(node) != node {
                twins.push(node);
            }
        }
        let mut builder = Builder {
            registry,
            ids: &ids,
            variants,
            inline: Vec::new(),
            first_inline: rows.activations.len(),
        };
        let mut list = Vec::with_capacity(rows.activations.len());
        let mut children = Vec::with_capacity(rows.activations.len());
        for (row, source) in (0..).zip(&rows.activations) {
            let (draft, asks) = builder.draft(row, &source.name, Source::row(source));
            list.push(draft);
            children.push(asks);
        }
        // What stands inline is built after the rows, so that a row and its node have the same number. It may hold
        // further ones, which then wait behind.
        let mut next = 0;
        while let Some((row, source)) =
            builder.inline.get_mut(next).map(|(row, source)| (*row, mem::take(source)))
        {
            let name = rows.activations.get(row as usize).map_or("", |row| &row.name);
            let (draft, asks) = builder.draft(row, name, source);
            list.push(draft);
            children.push(asks);
            next += 1;
        }
        let graph = Graph { children };
        let order = graph.order();
        let mut drafts = Self { list, ids, graph, order };
        drafts.note_twins(rows, &twins);
        drafts.note_cycles(rows);
        drafts
    }

    fn note_twins(&mut self, rows: &Rows, twins: &[u32]) {
        for twin in twins {
            let id = rows.activations.get(*twin as usize).map_or(0, |row| row.id);
            let message = format!("expected a number of its own, found {id}, which another activation has");
            self.note(*twin, Problem { path: "id".to_owned(), message });
        }
    }

    fn note_cycles(&mut self, rows: &Rows) {
        // A cycle of thousands is told by its beginning.
        const MOST: usize = 8;
        let mut problems = Vec::new();
        for cycle in &self.order.cycles {
            let Some([closing, first]) = cycle.last_chunk::<2>() else { continue };
            let ids = cycle.iter().filter_map(|node| {
                let draft = self.list.get(*node as usize)?;
                Some(rows.activations.get(draft.row as usize)?.id.to_string())
            });
            let mut ids: Vec<String> = ids.collect();
            if ids.len() > MOST {
                let left_out = ids.len() - MOST;
                ids.splice(MOST / 2..ids.len() - MOST / 2, [format!("({left_out} more)")]);
            }
            let asks = self.graph.children.get(*closing as usize).into_iter().flatten();
            let place =
                asks.zip(&self.list[*closing as usize].child_paths).find(|(child, _)| *child == first);
            let path = place.map_or_else(|| "config".to_owned(), |(_, path)| path.clone());
            let message = format!("activations ask each other in a circle: {}", ids.join(" -> "));
            problems.push((*closing, Problem { path, message }));
        }
        for (node, problem) in problems {
            self.note(node, problem);
        }
    }

    fn note(&mut self, node: u32, problem: Problem) {
        if let Some(draft) = self.list.get_mut(node as usize) {
            draft.problems.push(problem);
        }
    }

    /// The nodes that evaluation asks, and what explanations tell of them.
    pub(super) fn finish(self, facts: &Facts) -> (Vec<Node>, Vec<NodeInfo>) {
        let asks = self.graph.children.into_iter();
        let nodes = self.list.into_iter().zip(asks).zip(facts.slots.iter().zip(&facts.by_flag)).map(
            |((draft, children), (memo, by_flag))| {
                // A node without an activation is below broken flags only, which do not ask it.
                let activation = draft.activation.unwrap_or_else(|| Box::new(Broken));
                let info = NodeInfo {
                    row: draft.row,
                    path: draft.path.trim_end_matches('.').into(),
                    class_name: draft.class_name.into(),
                    children: children.into(),
                };
                let panicked = draft.may_panic.then(AtomicBool::default);
                (Node { activation, memo: *memo, by_flag: *by_flag, panicked }, info)
            },
        );
        nodes.unzip()
    }
}

/// Stands where a row could not be built.
struct Broken;

impl Activation for Broken {
    fn evaluate(&self, _: &crate::Check<'_>) -> crate::Verdict {
        crate::Verdict::Off
    }
}

/// What an activation is built from: a row, or a part of another row's config.
#[derive(Default)]
struct Source {
    path: String,
    class_name: String,
    config: Option<String>,
    problems: Vec<Problem>,
}

impl Source {
    fn row(row: &ActivationRow) -> Self {
        let problem = |fault: &crate::rows::Fault| Problem {
            path: fault.column.to_owned(),
            message: fault.message.clone(),
        };
        Self {
            path: String::new(),
            class_name: row.class_name.clone(),
            config: row.config.clone(),
            problems: row.faults.iter().map(problem).collect(),
        }
    }
}

struct Builder<'a> {
    registry: &'a Registry,
    ids: &'a Index<i64>,
    variants: &'a mut Variants,
    /// Every inline activation met so far, with the row it stands in.
    inline: Vec<(u32, Source)>,
    /// The number of the first of them.
    first_inline: usize,
}

impl Builder<'_> {
    /// Builds one activation; gives with it the nodes that it asks.
    fn draft(&mut self, row: u32, name: &str, source: Source) -> (Draft, Vec<u32>) {
        let Source { path, class_name, config, problems } = source;
        let mut draft = Draft {
            row,
            path,
            class_name,
            activation: None,
            child_paths: Vec::new(),
            problems,
            by_flag: false,
            may_panic: false,
        };
        if !draft.problems.is_empty() {
            return (draft, Vec::new());
        }
        // A type of somebody's own may panic on a row; that row is to blame, and no other is to suffer.
        let built = panic::catch_unwind(|| self.registry.build(&draft.class_name, config.as_deref()));
        let mut activation = match built.unwrap_or_else(|_| Err(panicked())) {
            Ok((kind, activation)) => {
                draft.may_panic = kind.may_panic();
                activation
            }
            Err(problem) => {
                draft.problems.push(problem.below(&draft.path));
                return (draft, Vec::new());
            }
        };
        let mut linker =
            DraftLinker { builder: self, row, path: &draft.path, children: Vec::new(), paths: Vec::new() };
        let mut compile = Compile {
            class_name: &draft.class_name,
            name,
            linker: &mut linker,
            problems: Vec::new(),
            by_flag: false,
        };
        if panic::catch_unwind(AssertUnwindSafe(|| activation.compile(&mut compile))).is_err() {
            compile.problems.push(panicked());
        }
        let (problems, by_flag) = (mem::take(&mut compile.problems), compile.by_flag);
        let (children, paths) = (linker.children, linker.paths);
        draft.problems = problems.into_iter().map(|problem| problem.below(&draft.path)).collect();
        draft.activation = Some(activation);
        (draft.child_paths, draft.by_flag) = (paths, by_flag);
        (draft, children)
    }
}

fn panicked() -> Problem {
    Problem {
        path: "config".to_owned(),
        message: "the activation type panicked when it was built from this".to_owned(),
    }
}

impl Problem {
    fn below(self, path: &str) -> Self {
        Self { path: format!("{path}{}", self.path), message: self.message }
    }
}

/// Resolves what one activation refers to.
struct DraftLinker<'a, 'b> {
    builder: &'a mut Builder<'b>,
    row: u32,
    path: &'a str,
    children: Vec<u32>,
    paths: Vec<String>,
}

impl Linker for DraftLinker<'_, '_> {
    fn child(&mut self, path: &str, reference: &ChildReference) -> Result<u32, String> {
        let path = format!("{}config{path}", self.path);
        let node = match reference {
            ChildReference::Id(id) => {
                *self.builder.ids.get(id).ok_or_else(|| format!("no activation has the id {id}"))?
            }
            ChildReference::Inline { class_name, config } => {
                let node = index(self.builder.first_inline + self.builder.inline.len());
                let (class_name, config) = (class_name.clone(), config.clone());
                let source = Source { path: format!("{path}."), class_name, config, problems: Vec::new() };
                self.builder.inline.push((self.row, source));
                node
            }
        };
        self.children.push(node);
        self.paths.push(path);
        Ok(node)
    }

    fn variant(&mut self, name: &str) -> Variant {
        self.builder.variants.number(name)
    }
}
