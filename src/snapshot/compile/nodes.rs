//! The first half of compiling: each activation by itself, and whom it asks.

use std::{
    cell::Cell,
    collections::{BTreeSet, HashMap},
    hash::{BuildHasher, Hasher},
    mem,
    ops::Range,
    panic::{self, AssertUnwindSafe},
    sync::{Arc, atomic::AtomicBool},
};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::{
    activation::{
        Activation, ChildReference, Compile, Linker, Problem, Variant,
        evaluation::{Node, PanicPolicy},
        registry::{ActivationType, Registry},
    },
    rows::{ActivationRow, MemberRow, Rows},
    snapshot::{
        Snapshot,
        compile::{
            analysis::Facts,
            graph::{Graph, Order},
            links::Places,
            prerequisites::FlagSource,
        },
    },
    store::Changed,
};

/// An index into one of a snapshot's lists. No list reaches 2^32 entries: it would not fit into memory.
pub(in crate::snapshot) fn index(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

/// The names of variants, each with its number.
#[derive(Default)]
pub(in crate::snapshot) struct Variants {
    pub(in crate::snapshot) names: Vec<Box<str>>,
    numbers: HashMap<Box<str>, Variant, RandomState>,
}

impl Variants {
    pub(in crate::snapshot) fn number(&mut self, name: &str) -> Variant {
        if let Some(known) = self.numbers.get(name) {
            return *known;
        }
        let number = Variant::from_index(self.names.len());
        self.names.push(name.into());
        self.numbers.insert(name.into(), number);
        number
    }
}

/// The class names of rows, each with the type that it names.
#[derive(Default)]
struct Classes<'a> {
    names: Vec<Box<str>>,
    types: Vec<Option<&'a ActivationType>>,
    numbers: HashMap<Box<str>, u32, RandomState>,
}

impl<'a> Classes<'a> {
    fn number(&mut self, name: &str, registry: &'a Registry) -> (u32, Option<&'a ActivationType>) {
        if let Some(known) = self.numbers.get(name) {
            return (*known, self.types.get(*known as usize).copied().flatten());
        }
        let (number, kind) = (index(self.names.len()), registry.find(name));
        self.names.push(name.into());
        self.types.push(kind);
        self.numbers.insert(name.into(), number);
        (number, kind)
    }
}

/// What a node stands for.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::snapshot) enum StandsFor {
    #[default]
    Activation,
    /// A flag, which activations ask.
    Flag,
}

/// An activation on its way to becoming a node.
#[derive(Clone, Default)]
pub(in crate::snapshot) struct Draft {
    /// Index of the row in [`Rows::activations`].
    pub(in crate::snapshot) row: u32,
    pub(in crate::snapshot) class: u32,
    /// The first draft with the same type and config, whose activation this one has; itself for most.
    pub(in crate::snapshot) like: u32,
    /// Nothing if the registry could not build it.
    activation: Option<Arc<dyn Activation>>,
    /// Which of [`Drafts::assigned`] it may assign.
    assigns: Range<u32>,
    /// Whether the activation itself divides callers by chance.
    pub(in crate::snapshot) is_split: bool,
    /// Whether the activation itself answers otherwise for another flag.
    pub(in crate::snapshot) by_flag: bool,
    /// Whether evaluating may panic.
    may_panic: bool,
    pub(in crate::snapshot) stands_for: StandsFor,
}

impl Draft {
    /// Whether it is a flag, which activations ask.
    pub(in crate::snapshot) fn is_flag(&self) -> bool {
        self.stands_for == StandsFor::Flag
    }

    /// Whether the activation itself may assign a variant.
    pub(in crate::snapshot) fn assigns_variants(&self) -> bool {
        !self.assigns.is_empty()
    }
}

/// All activations: those of the rows first, in their order, then those written inline.
pub(in crate::snapshot) struct Drafts {
    pub(in crate::snapshot) list: Vec<Draft>,
    /// Where in the row's config each inline activation stands.
    pub(in crate::snapshot) inline: Vec<Box<str>>,
    /// The flags that activations ask: the node of each, and its index.
    pub(in crate::snapshot) flags: Vec<(u32, u32)>,
    /// The nodes of flags that are broken for a reason of their own.
    pub(in crate::snapshot) broken_flags: Vec<u32>,
    pub(in crate::snapshot) graph: Graph,
    pub(in crate::snapshot) order: Order,
    pub(in crate::snapshot) classes: Vec<Box<str>>,
    /// What is wrong, with the node of which it is.
    pub(in crate::snapshot) problems: Vec<(u32, Problem)>,
    assigned: Vec<Variant>,
    pub(in crate::snapshot) missing: Missing,
}

/// What rows refer to that is not among them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Missing {
    /// Ids of activations.
    pub(crate) activations: BTreeSet<i64>,
    /// Names of flags.
    pub(crate) flags: BTreeSet<String>,
}

/// Activations of earlier snapshots that are taken from there and not built anew, so that their rows need not be read.
pub(crate) struct Imports<'a> {
    /// The patch of the snapshot before.
    pub(crate) part: Option<&'a Snapshot>,
    /// What that is a patch of.
    pub(crate) base: &'a Snapshot,
    /// What is not as it is in the base.
    pub(crate) changed: &'a Changed,
    /// The ids of those that are taken.
    pub(crate) ids: &'a BTreeSet<i64>,
}

impl<'a> Imports<'a> {
    /// An activation that can be taken.
    pub(crate) fn find(&self, id: i64) -> Option<&'a Node> {
        let in_base = || self.base.importable(id).filter(|_| !self.changed.activations.contains(&id));
        self.part.and_then(|part| part.importable(id)).or_else(in_base)
    }
}

impl Drafts {
    pub(in crate::snapshot) fn build(
        places: &Places,
        source: &FlagSource<'_>,
        registry: &Registry,
        imports: Option<&Imports<'_>>,
        variants: &mut Variants,
    ) -> Self {
        let rows = source.rows;
        let mut builder = Builder {
            registry,
            rows,
            places,
            source,
            imports,
            missing: Missing::default(),
            flags: Vec::new(),
            flag_nodes: HashMap::default(),
            broken_flags: Vec::new(),
            variants,
            classes: Classes::default(),
            list: Vec::with_capacity(rows.activations.len()),
            graph: Graph::with_capacity(rows.activations.len()),
            child_paths: HashMap::default(),
            problems: Vec::new(),
            assigned: Vec::new(),
            alike: HashTable::with_capacity(64),
            hasher: RandomState::default(),
            inline: Vec::new(),
        };
        for (row, source) in (0..).zip(&rows.activations) {
            builder.row(row, source);
        }
        // What stands inline is built after the rows, so that a row and its node have the same number. It may hold
        // further ones, which then wait behind.
        let mut next = 0;
        while let Some(inline) = builder.inline.get_mut(next).map(mem::take) {
            builder.behind(&inline);
            if let Some(place) = builder.inline.get_mut(next) {
                place.path = inline.path;
            }
            next += 1;
        }
        let order = builder.graph.order();
        builder.note_twins();
        builder.note_cycles(&order);
        let Builder {
            list, graph, classes, problems, assigned, inline, flags, broken_flags, missing, ..
        } = builder;
        let inline = inline.into_iter().map(|inline| inline.path.trim_end_matches('.').into()).collect();
        let classes = classes.names;
        Self { list, inline, flags, broken_flags, graph, order, classes, problems, assigned, missing }
    }

    /// The variants that a node itself may assign.
    pub(in crate::snapshot) fn assigned_by(&self, node: u32) -> &[Variant] {
        let Some(draft) = self.list.get(node as usize) else { return &[] };
        self.assigned.get(draft.assigns.start as usize..draft.assigns.end as usize).unwrap_or_default()
    }

    /// The nodes that evaluation asks, and the graph of who asks whom.
    pub(in crate::snapshot) fn finish(self, facts: &Facts) -> (Vec<Node>, Graph) {
        let facts = facts.slots.iter().zip(&facts.by_flag).zip(&facts.assign);
        let nodes = self.list.into_iter().zip(facts).map(|(draft, ((slot, by_flag), assigns))| Node {
            // A node without an activation is below broken flags only, which do not ask it.
            activation: draft.activation.unwrap_or_else(|| Arc::new(Broken)),
            slot: *slot,
            by_flag: *by_flag,
            assigns: *assigns,
            panic_policy: if draft.may_panic {
                PanicPolicy::MayPanic(AtomicBool::default())
            } else {
                PanicPolicy::Trusted
            },
        });
        (nodes.collect(), self.graph)
    }
}

/// Stands where a row could not be built.
struct Broken;

impl Activation for Broken {
    fn evaluate(&self, _: &crate::activation::evaluation::Check<'_>) -> crate::activation::Verdict {
        crate::activation::Verdict::Off
    }
}

/// An activation that is a part of another row's config, or a flag that one asks.
#[derive(Default)]
struct Inline {
    /// The row.
    row: u32,
    /// Where in it.
    path: String,
    class_name: String,
    config: Option<String>,
    /// The index of the flag, if it is one.
    flag: Option<u32>,
}

struct Builder<'a, 'b> {
    registry: &'a Registry,
    rows: &'a Rows,
    places: &'a Places,
    source: &'a FlagSource<'b>,
    imports: Option<&'a Imports<'a>>,
    missing: Missing,
    flags: Vec<(u32, u32)>,
    /// The node of each flag that is asked, by the flag's index.
    flag_nodes: HashMap<u32, u32>,
    broken_flags: Vec<u32>,
    variants: &'a mut Variants,
    classes: Classes<'a>,
    list: Vec<Draft>,
    graph: Graph,
    /// Where in their configs nodes name those that they ask.
    child_paths: HashMap<u32, Vec<String>>,
    problems: Vec<(u32, Problem)>,
    assigned: Vec<Variant>,
    /// Nodes that others with the same type and config can be like.
    alike: HashTable<(u64, u32)>,
    hasher: RandomState,
    /// Every inline activation met so far.
    inline: Vec<Inline>,
}

impl<'a> Builder<'a, '_> {
    /// Builds the activation of a row.
    fn row(&mut self, row: u32, source: &'a ActivationRow) {
        let (class, kind) = self.classes.number(&source.class_name, self.registry);
        if let Some(node) = self.imported(source.id) {
            let activation = Some(Arc::clone(&node.activation));
            let is_split = node.activation.is_split();
            let by_flag = node.by_flag;
            self.push(
                Draft { row, class, like: row, activation, is_split, by_flag, ..Draft::default() },
                Vec::new(),
            );
            return;
        }
        let config = source.config.as_deref();
        let hash = self.hash(class, config);
        let sound = source.faults.is_empty();
        let members = self.rows.members_of(source.id);
        if let Some(like) = self.find_alike(hash, class, config).filter(|_| sound && members.is_empty()) {
            self.list.push(Draft { row, ..like });
            self.graph.push([]);
            return;
        }
        let problem = |fault: &crate::rows::Fault| Problem {
            path: fault.column.to_owned(),
            message: fault.message.clone(),
        };
        self.problems.extend(source.faults.iter().map(|fault| (row, problem(fault))));
        let draft = Draft { row, class, like: row, ..Draft::default() };
        let source = Source { name: &source.name, class_name: &source.class_name, config, path: "", members };
        if !sound {
            self.push(draft, Vec::new());
        } else if self.build(draft, kind, source) {
            self.alike.insert_unique(hash, (hash, row), |(hash, _)| *hash);
        }
    }

    /// The node of an activation that is taken from another snapshot.
    fn imported(&self, id: i64) -> Option<&'a Node> {
        self.imports.filter(|imports| imports.ids.contains(&id))?.find(id)
    }

    /// Builds what has its node behind those of the rows.
    fn behind(&mut self, inline: &Inline) {
        match inline.flag {
            Some(flag) => self.flag(flag),
            None => self.inline(inline),
        }
    }

    /// Adds the node of a flag, which asks what the flag asks.
    fn flag(&mut self, flag: u32) {
        let node = index(self.list.len());
        if self.source.is_broken(flag, self.variants) {
            self.broken_flags.push(node);
        }
        let (class, _) = self.classes.number("flag", self.registry);
        self.flags.push((node, flag));
        self.list.push(Draft { class, like: node, stands_for: StandsFor::Flag, ..Draft::default() });
        self.graph.push(self.source.asks(flag).iter().copied());
    }

    /// Builds an activation that is a part of a row's config.
    fn inline(&mut self, inline: &Inline) {
        let (class, kind) = self.classes.number(&inline.class_name, self.registry);
        let name = self.rows.activations.get(inline.row as usize).map_or("", |row| &row.name);
        let draft = Draft { row: inline.row, class, like: index(self.list.len()), ..Draft::default() };
        let (class_name, config) = (inline.class_name.as_str(), inline.config.as_deref());
        self.build(draft, kind, Source { name, class_name, config, path: &inline.path, members: &[] });
    }

    /// Gives whether others with the same type and config can be like this one.
    fn build(&mut self, mut draft: Draft, kind: Option<&ActivationType>, source: Source<'_>) -> bool {
        let node = index(self.list.len());
        let Some(kind) = kind else {
            self.problems.push((node, self.registry.unknown(source.class_name).below(source.path)));
            self.push(draft, Vec::new());
            return false;
        };
        let first_variant = self.assigned.len();
        let mut linker = DraftLinker {
            builder: self,
            row: draft.row,
            path: source.path,
            children: Vec::new(),
            paths: Vec::new(),
        };
        let mut compile = Compile {
            class_name: source.class_name,
            name: source.name,
            members: source.members,
            linker: &mut linker,
            problems: Vec::new(),
            by_flag: false,
            by_name: Cell::new(false),
        };
        // A type of somebody's own may panic on a row; that row is to blame, and no other is to suffer.
        let built = panic::catch_unwind(AssertUnwindSafe(|| {
            let activation = kind.build(source.config, &mut compile);
            let is_split = activation.as_ref().is_some_and(|activation| activation.is_split());
            (activation, is_split)
        }));
        let panicked = built.is_err();
        (draft.activation, draft.is_split) = built.unwrap_or_default();
        (draft.by_flag, draft.may_panic) = (compile.by_flag, kind.may_panic());
        let (mut problems, by_name) = (mem::take(&mut compile.problems), compile.by_name.get());
        let (children, paths) = (linker.children, linker.paths);
        if panicked {
            problems.push(Problem {
                path: "config".to_owned(),
                message: "the activation type panicked when it was built from this".to_owned(),
            });
        }
        note_members(source.members, kind, &mut problems);
        let is_example = problems.is_empty()
            && children.is_empty()
            && source.members.is_empty()
            && !by_name
            && !draft.may_panic;
        self.problems.extend(problems.into_iter().map(|problem| (node, problem.below(source.path))));
        draft.assigns = index(first_variant)..index(self.assigned.len());
        if !paths.is_empty() {
            self.child_paths.insert(node, paths);
        }
        self.push(draft, children);
        is_example
    }

    fn push(&mut self, draft: Draft, asks: Vec<u32>) {
        self.list.push(draft);
        self.graph.push(asks);
    }

    fn hash(&self, class: u32, config: Option<&str>) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write_u32(class);
        hasher.write(config.unwrap_or_default().as_bytes());
        hasher.finish()
    }

    fn find_alike(&self, hash: u64, class: u32, config: Option<&str>) -> Option<Draft> {
        let is_alike = |node: u32| {
            let row = self.rows.activations.get(node as usize);
            self.list.get(node as usize).is_some_and(|draft| draft.class == class)
                && row.is_some_and(|row| row.config.as_deref() == config)
        };
        let (_, node) = self.alike.find(hash, |(known, node)| *known == hash && is_alike(*node))?;
        self.list.get(*node as usize).cloned()
    }

    fn note_twins(&mut self) {
        for (node, row) in (0..).zip(&self.rows.activations) {
            // The first of two rows with one id is the one that others mean.
            if self.places.get(row.id) != Some(node) {
                let message =
                    format!("expected a number of its own, found {}, which another activation has", row.id);
                self.problems.push((node, Problem { path: "id".to_owned(), message }));
            }
        }
    }

    fn note_cycles(&mut self, order: &Order) {
        for cycle in &order.cycles {
            let is_flag = |node: u32| self.list.get(node as usize).is_some_and(Draft::is_flag);
            let (nodes, gap) = cycle.closed_by(|node| !is_flag(node));
            let Some([closing, first]) = nodes.last_chunk::<2>() else { continue };
            let ids = nodes.iter().filter_map(|node| {
                if let Ok(place) = self.flags.binary_search_by_key(node, |(of, _)| *of) {
                    let (_, flag) = self.flags.get(place)?;
                    return Some(format!("flag {:?}", self.rows.flags.get(*flag as usize)?.name));
                }
                let draft = self.list.get(*node as usize)?;
                Some(self.rows.activations.get(draft.row as usize)?.id.to_string())
            });
            let mut ids: Vec<String> = ids.collect();
            if cycle.left_out > 0 {
                ids.insert(gap.min(ids.len()), format!("({} more)", cycle.left_out));
            }
            let paths = self.child_paths.get(closing).map_or(&[][..], Vec::as_slice);
            let place = self.graph.of(*closing).iter().zip(paths).find(|(child, _)| *child == first);
            let path = place.map_or_else(|| "config".to_owned(), |(_, path)| path.clone());
            let message = format!("activations ask each other in a circle: {}", ids.join(" -> "));
            self.problems.push((*closing, Problem { path, message }));
        }
    }
}

/// What an activation is built from: a row, or a part of another row's config.
#[derive(Clone, Copy)]
struct Source<'a> {
    /// The name of the row.
    name: &'a str,
    class_name: &'a str,
    config: Option<&'a str>,
    /// Where in the row's config it stands, with a dot at the end; empty for the row itself.
    path: &'a str,
    members: &'a [MemberRow],
}

/// Notes members that can not be read, and such as mean nothing.
fn note_members(members: &[MemberRow], kind: &ActivationType, problems: &mut Vec<Problem>) {
    /// So many are told: whoever broke a column need not be told of each of its rows.
    const MOST: usize = 8;
    let faults = members.iter().filter_map(|row| row.fault.as_deref());
    problems.extend(faults.take(MOST).map(|fault| Problem {
        path: format!("{}.{}", fault.table, fault.column),
        message: fault.message.clone(),
    }));
    if !members.is_empty() && !kind.takes_members() {
        let message =
            format!("expected none, since {} takes no members, found {}", kind.class(), members.len());
        problems.push(Problem { path: "activation_members".to_owned(), message });
    }
}

/// A path from a config, in a config that stands at `place`: behind a dot inside of an object that has a `config`, else in the
/// place of the config.
fn below(place: &str, path: &str) -> String {
    let path =
        if place.is_empty() || place.ends_with('.') { path } else { path.trim_start_matches("config") };
    format!("{place}{path}")
}

impl Problem {
    fn below(self, path: &str) -> Self {
        Self { path: below(path, &self.path), message: self.message }
    }
}

/// Resolves what one activation refers to.
struct DraftLinker<'a, 'b, 'c> {
    builder: &'a mut Builder<'b, 'c>,
    row: u32,
    path: &'a str,
    children: Vec<u32>,
    paths: Vec<String>,
}

impl Linker for DraftLinker<'_, '_, '_> {
    fn child(&mut self, path: &str, reference: &ChildReference) -> Result<u32, String> {
        let path = below(self.path, &format!("config{path}"));
        let node = match reference {
            ChildReference::Id(id) => self.builder.places.get(*id).ok_or_else(|| {
                self.builder.missing.activations.insert(*id);
                format!("no activation has the id {id}")
            })?,
            ChildReference::Inline { class_name, config, bare } => {
                let node = index(self.builder.rows.activations.len() + self.builder.inline.len());
                let (class_name, config) = (class_name.clone(), config.clone());
                let path = if *bare { path.clone() } else { format!("{path}.") };
                self.builder.inline.push(Inline { row: self.row, path, class_name, config, flag: None });
                node
            }
            ChildReference::Flag(name) => {
                let flag = self.builder.source.find(name);
                let flag = flag.ok_or_else(|| {
                    self.builder.missing.flags.insert(name.clone());
                    self.builder.source.unknown(name)
                })?;
                let next = index(self.builder.rows.activations.len() + self.builder.inline.len());
                let node = *self.builder.flag_nodes.entry(flag).or_insert(next);
                if node == next {
                    let inline = Inline { row: self.row, flag: Some(flag), ..Inline::default() };
                    self.builder.inline.push(inline);
                }
                node
            }
        };
        self.children.push(node);
        self.paths.push(path);
        Ok(node)
    }

    fn variant(&mut self, name: &str) -> Variant {
        let variant = self.builder.variants.number(name);
        self.builder.assigned.push(variant);
        variant
    }

    fn number(&mut self, name: &str) -> Variant {
        self.builder.variants.number(name)
    }
}
