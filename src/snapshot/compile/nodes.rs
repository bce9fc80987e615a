//! The first half of compiling: builds each activation and resolves which others it evaluates.

use std::{
    cell::Cell,
    collections::{BTreeSet, HashMap},
    hash::{BuildHasher, Hasher},
    mem,
    ops::Range,
    panic::{self, AssertUnwindSafe},
    sync::Arc,
};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::{
    activation::{
        Activation, ChildReference, CompileContext, Linker, MAX_INLINE_DEPTH, Problem, Unresolved, Variant,
        cause::CauseRule,
        evaluation::Node,
        issue_policy::IssuePolicy,
        registry::{ActivationType, Registry},
    },
    rows::{ActivationRow, Fault, MemberRow, Rows},
    snapshot::{
        Snapshot,
        compile::{
            classes::ClassInterner,
            graph::{Graph, TopologicalOrder},
            ids::{VariantInterner, index},
            links::IdIndex,
            prerequisites::FlagLookup,
            reports::Reports,
        },
    },
    store::Delta,
};

/// Once there are so many problems, unknown names get no suggestions, which take a tenth of a millisecond.
const MAX_SUGGESTIONS: usize = 1000;

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum NodeKind {
    #[default]
    Activation,
    /// A flag that activations evaluate.
    Flag,
}

/// A node under construction.
#[derive(Clone, Default)]
pub(in crate::snapshot) struct DraftNode {
    /// The index of the row in [`Rows::activations`].
    pub(in crate::snapshot) row: u32,
    pub(in crate::snapshot) class: u32,
    /// The first node with the same type and config, whose activation this node shares. Usually the node
    /// itself.
    pub(in crate::snapshot) canonical: u32,
    /// `None` if the registry could not build it.
    pub(super) activation: Option<Arc<dyn Activation>>,
    /// The range of [`DraftNodes::assigned`] with the variants that the activation itself may assign.
    assigns: Range<u32>,
    pub(in crate::snapshot) cause_rule: CauseRule,
    /// Whether the verdict of the activation itself depends on the flag.
    pub(in crate::snapshot) by_flag: bool,
    pub(super) may_panic: bool,
    kind: NodeKind,
}

impl DraftNode {
    /// Whether the node stands for a flag that activations evaluate.
    pub(in crate::snapshot) fn is_flag(&self) -> bool {
        self.kind == NodeKind::Flag
    }

    /// Whether the activation itself may assign a variant.
    pub(in crate::snapshot) fn assigns_variants(&self) -> bool {
        !self.assigns.is_empty()
    }
}

/// All nodes under construction: those of the rows first, in the order of the rows, then inline activations
/// and flags.
pub(in crate::snapshot) struct DraftNodes {
    pub(in crate::snapshot) list: Vec<DraftNode>,
    /// The path of each inline activation in its row's config.
    pub(in crate::snapshot) inline_paths: Vec<Box<str>>,
    /// The flags that activations evaluate: node and flag index.
    pub(in crate::snapshot) flags: Vec<(u32, u32)>,
    /// The nodes of flags that are broken for a reason other than a broken activation.
    pub(in crate::snapshot) broken_flags: Vec<u32>,
    pub(in crate::snapshot) graph: Graph,
    pub(in crate::snapshot) order: TopologicalOrder,
    pub(in crate::snapshot) classes: Vec<Box<str>>,
    pub(in crate::snapshot) problems: Reports,
    pub(in crate::snapshot) warnings: Reports,
    /// The indices of the activations whose verdicts depend on their names, except those of reused nodes.
    pub(in crate::snapshot) by_name: BTreeSet<u32>,
    assigned: Vec<Variant>,
    pub(in crate::snapshot) missing: MissingRows,
}

/// What the given rows refer to, but do not contain.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct MissingRows {
    /// Ids of activations.
    pub(crate) activations: BTreeSet<i64>,
    /// Names of flags.
    pub(crate) flags: BTreeSet<String>,
}

/// Activations taken from earlier snapshots instead of being built again, so that their rows need not be
/// read.
pub(crate) struct ReusedNodes<'a> {
    /// The patch of the previous snapshot.
    pub(crate) part: Option<&'a Snapshot>,
    /// The snapshot that `part` patches.
    pub(crate) base: &'a Snapshot,
    /// What differs from the base.
    pub(crate) changed: &'a Delta,
    /// The ids of the reused activations.
    pub(crate) ids: &'a BTreeSet<i64>,
}

impl<'a> ReusedNodes<'a> {
    fn find(&self, id: i64) -> Option<&'a Node> {
        let in_base = || self.base.reusable_node(id).filter(|_| !self.changed.activations.contains(&id));
        self.part.and_then(|part| part.reusable_node(id)).or_else(in_base)
    }
}

impl DraftNodes {
    pub(in crate::snapshot) fn build(
        ids: &IdIndex,
        lookup: &FlagLookup<'_>,
        (registry, policy): (&Registry, IssuePolicy),
        reused: Option<&ReusedNodes<'_>>,
        variants: &mut VariantInterner,
    ) -> Self {
        let rows = lookup.rows;
        let mut builder = Builder {
            registry,
            policy,
            rows,
            ids,
            lookup,
            reused,
            missing: MissingRows::default(),
            flags: Vec::new(),
            flag_nodes: HashMap::default(),
            broken_flags: Vec::new(),
            variants,
            classes: ClassInterner::default(),
            list: Vec::with_capacity(rows.activations.len()),
            graph: Graph::with_capacity(rows.activations.len()),
            child_paths: HashMap::default(),
            problems: Reports::default(),
            warnings: Reports::default(),
            by_name: BTreeSet::new(),
            assigned: Vec::new(),
            shareable: HashTable::with_capacity(64),
            hasher: RandomState::default(),
            pending: Vec::new(),
        };
        for (position, row) in (0..).zip(&rows.activations) {
            builder.row(position, row);
        }
        // Pending nodes are built after the rows, so that a row and its node have the same index. Building
        // one may add more to the end of the list.
        let mut next = 0;
        while let Some(pending) = builder.pending.get_mut(next).map(mem::take) {
            builder.pending(&pending);
            if let Some(entry) = builder.pending.get_mut(next) {
                entry.path = pending.path;
            }
            next += 1;
        }
        let order = builder.graph.topological_order();
        builder.report_duplicate_ids();
        builder.report_cycles(&order);
        builder.problems.finish();
        builder.warnings.finish();
        let Builder {
            list,
            graph,
            classes,
            problems,
            warnings,
            by_name,
            assigned,
            pending,
            flags,
            broken_flags,
            missing,
            ..
        } = builder;
        let path = |pending: PendingNode| pending.path.trim_end_matches('.').into();
        let inline_paths = pending.into_iter().map(path).collect();
        let classes = classes.names;
        Self {
            list,
            inline_paths,
            flags,
            broken_flags,
            graph,
            order,
            classes,
            problems,
            warnings,
            by_name,
            assigned,
            missing,
        }
    }

    /// The variants that the activation of a node itself may assign.
    pub(in crate::snapshot) fn assigned_by(&self, node: u32) -> &[Variant] {
        let Some(draft) = self.list.get(node as usize) else { return &[] };
        self.assigned.get(draft.assigns.start as usize..draft.assigns.end as usize).unwrap_or_default()
    }
}

/// A node that was referred to but is not built yet: an inline activation, or a flag.
#[derive(Default)]
struct PendingNode {
    /// The row whose config contains it.
    row: u32,
    /// The path in that config.
    path: String,
    class_name: String,
    config: Option<String>,
    /// How many inline activations contain it.
    depth: u32,
    /// The flag's index, if it is a flag.
    flag: Option<u32>,
}

struct Builder<'a, 'b> {
    registry: &'a Registry,
    policy: IssuePolicy,
    rows: &'a Rows,
    ids: &'a IdIndex,
    lookup: &'a FlagLookup<'b>,
    reused: Option<&'a ReusedNodes<'a>>,
    missing: MissingRows,
    flags: Vec<(u32, u32)>,
    /// Nodes of flags by the flags' indices.
    flag_nodes: HashMap<u32, u32>,
    broken_flags: Vec<u32>,
    variants: &'a mut VariantInterner,
    classes: ClassInterner<'a>,
    list: Vec<DraftNode>,
    graph: Graph,
    /// For each node, the paths in its config that refer to its children.
    child_paths: HashMap<u32, Vec<String>>,
    problems: Reports,
    warnings: Reports,
    by_name: BTreeSet<u32>,
    assigned: Vec<Variant>,
    /// Nodes whose activation can be shared, with the hash of their type and config.
    shareable: HashTable<(u64, u32)>,
    hasher: RandomState,
    pending: Vec<PendingNode>,
}

impl<'a> Builder<'a, '_> {
    /// Builds the activation of a row.
    fn row(&mut self, position: u32, row: &'a ActivationRow) {
        let (class, kind) = self.classes.intern(&row.class_name, self.registry);
        let draft = DraftNode { row: position, class, canonical: position, ..DraftNode::default() };
        if let Some(node) = self.reused(row.id) {
            let activation = Some(Arc::clone(&node.activation));
            let (cause_rule, by_flag) = (node.cause_rule, node.by_flag);
            self.push(DraftNode { activation, cause_rule, by_flag, ..draft }, Vec::new());
            return;
        }
        let config = row.config.as_deref();
        let hash = self.hash(class, config);
        let valid = row.faults.is_empty();
        let members = self.rows.members_of(row.id);
        if let Some(same) = self.find_shareable(hash, class, config).filter(|_| valid && members.is_empty()) {
            self.push(DraftNode { row: position, ..same }, Vec::new());
            return;
        }
        let problem =
            |fault: &Fault| Problem { path: fault.column.to_owned(), message: fault.message.clone() };
        for fault in &row.faults {
            self.problems.add(position, position, || problem(fault));
        }
        let (name, class_name) = (&*row.name, &*row.class_name);
        let source = Source { name, class_name, config, path: "", depth: 0, members };
        if !valid {
            self.push(draft, Vec::new());
        } else if self.build(draft, kind, source) {
            self.shareable.insert_unique(hash, (hash, position), |(hash, _)| *hash);
        }
    }

    fn reused(&self, id: i64) -> Option<&'a Node> {
        self.reused.filter(|reused| reused.ids.contains(&id))?.find(id)
    }

    fn pending(&mut self, pending: &PendingNode) {
        match pending.flag {
            Some(flag) => self.flag(flag),
            None => self.inline(pending),
        }
    }

    /// Adds the node of a flag, whose children are the flag's activations.
    fn flag(&mut self, flag: u32) {
        let node = index(self.list.len());
        if self.lookup.is_broken(flag, self.variants) {
            self.broken_flags.push(node);
        }
        let (class, _) = self.classes.intern("flag", self.registry);
        self.flags.push((node, flag));
        let (kind, cause_rule) = (NodeKind::Flag, CauseRule::Flag);
        self.list.push(DraftNode { class, canonical: node, kind, cause_rule, ..DraftNode::default() });
        self.graph.push(self.lookup.activations_of(flag).iter().copied());
    }

    /// Builds an activation that is a part of a row's config.
    fn inline(&mut self, pending: &PendingNode) {
        let (class, kind) = self.classes.intern(&pending.class_name, self.registry);
        let name = self.rows.activations.get(pending.row as usize).map_or("", |row| &row.name);
        let canonical = index(self.list.len());
        let draft = DraftNode { row: pending.row, class, canonical, ..DraftNode::default() };
        let (class_name, config) = (pending.class_name.as_str(), pending.config.as_deref());
        let (path, depth) = (&*pending.path, pending.depth);
        self.build(draft, kind, Source { name, class_name, config, path, depth, members: &[] });
    }

    /// Returns whether other rows with the same type and config can share the activation.
    fn build(&mut self, mut draft: DraftNode, kind: Option<&ActivationType>, source: Source<'_>) -> bool {
        let node = index(self.list.len());
        let Some(kind) = kind else {
            let suggests = self.suggests();
            let problem = || self.registry.unknown(source.class_name, suggests).below(source.path);
            self.problems.add(draft.row, node, problem);
            self.push(draft, Vec::new());
            return false;
        };
        let first_variant = self.assigned.len();
        let policy = self.policy;
        let mut linker = DraftLinker {
            builder: self,
            row: draft.row,
            path: source.path,
            depth: source.depth,
            children: Vec::new(),
            paths: Vec::new(),
        };
        let mut compile = CompileContext {
            class_name: source.class_name,
            name: source.name,
            members: source.members,
            linker: &mut linker,
            problems: Vec::new(),
            omitted: 0,
            policy,
            warnings: Vec::new(),
            by_flag: false,
            by_name: Cell::new(false),
        };
        // A third-party type may panic. That is a problem of this row and must not affect others.
        let built = panic::catch_unwind(AssertUnwindSafe(|| {
            let activation = kind.build(source.config, &mut compile);
            let rule = activation.as_ref().map(|activation| activation.cause_rule()).unwrap_or_default();
            (activation, rule)
        }));
        let panicked = built.is_err();
        (draft.activation, draft.cause_rule) = built.unwrap_or_default();
        (draft.by_flag, draft.may_panic) = (compile.by_flag, kind.may_panic());
        let (mut problems, by_name) = (mem::take(&mut compile.problems), compile.by_name.get());
        let (warnings, omitted) = (mem::take(&mut compile.warnings), compile.omitted);
        let (children, paths) = (linker.children, linker.paths);
        if panicked {
            problems.push(Problem {
                path: "config".to_owned(),
                message: "the activation type panicked while building from this config".to_owned(),
            });
        }
        check_members(source.members, kind, &mut problems);
        let is_shareable = problems.is_empty()
            && warnings.is_empty()
            && children.is_empty()
            && source.members.is_empty()
            && !by_name
            && !draft.may_panic;
        for problem in problems {
            self.problems.add(draft.row, node, || problem.below(source.path));
        }
        self.problems.omit(draft.row, omitted);
        for warning in warnings {
            self.warnings.add(draft.row, node, || warning.below(source.path));
        }
        draft.assigns = index(first_variant)..index(self.assigned.len());
        if by_name {
            self.by_name.insert(draft.row);
        }
        if !paths.is_empty() {
            self.child_paths.insert(node, paths);
        }
        self.push(draft, children);
        is_shareable
    }

    /// Whether there are few enough problems that unknown names get suggestions.
    fn suggests(&self) -> bool {
        self.problems.len() + self.warnings.len() < MAX_SUGGESTIONS
    }

    fn push(&mut self, draft: DraftNode, children: Vec<u32>) {
        self.list.push(draft);
        self.graph.push(children);
    }

    fn hash(&self, class: u32, config: Option<&str>) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write_u32(class);
        hasher.write(config.unwrap_or_default().as_bytes());
        hasher.finish()
    }

    fn find_shareable(&self, hash: u64, class: u32, config: Option<&str>) -> Option<DraftNode> {
        let is_same = |node: u32| {
            let row = self.rows.activations.get(node as usize);
            self.list.get(node as usize).is_some_and(|draft| draft.class == class)
                && row.is_some_and(|row| row.config.as_deref() == config)
        };
        let (_, node) = self.shareable.find(hash, |(known, node)| *known == hash && is_same(*node))?;
        self.list.get(*node as usize).cloned()
    }

    fn report_duplicate_ids(&mut self) {
        for (node, row) in (0..).zip(&self.rows.activations) {
            if self.ids.get(row.id) != Some(node) {
                let message = format!("expected a unique id, found {}, which another activation has", row.id);
                self.problems.add(node, node, || Problem { path: "id".to_owned(), message });
            }
        }
    }

    fn report_cycles(&mut self, order: &TopologicalOrder) {
        for cycle in &order.cycles {
            let is_flag = |node: u32| self.list.get(node as usize).is_some_and(DraftNode::is_flag);
            let (nodes, cut) = cycle.closed_by(|node| !is_flag(node));
            let Some([closing, first]) = nodes.last_chunk::<2>() else { continue };
            let names = nodes.iter().filter_map(|node| {
                if let Ok(position) = self.flags.binary_search_by_key(node, |(of, _)| *of) {
                    let (_, flag) = self.flags.get(position)?;
                    return Some(format!("flag {:?}", self.rows.flags.get(*flag as usize)?.name));
                }
                let draft = self.list.get(*node as usize)?;
                Some(self.rows.activations.get(draft.row as usize)?.id.to_string())
            });
            let mut names: Vec<String> = names.collect();
            if cycle.omitted > 0 {
                names.insert(cut.min(names.len()), format!("({} more)", cycle.omitted));
            }
            let paths = self.child_paths.get(closing).map_or(&[][..], Vec::as_slice);
            let edge = self.graph.targets(*closing).iter().zip(paths).find(|(child, _)| *child == first);
            let path = edge.map_or_else(|| "config".to_owned(), |(_, path)| path.clone());
            let message = format!("activations form a cycle: {}", names.join(" -> "));
            let row = self.list.get(*closing as usize).map_or(*closing, |draft| draft.row);
            self.problems.add(row, *closing, || Problem { path, message });
        }
    }
}

/// What an activation is built from: a row, or a part of a row's config.
#[derive(Clone, Copy)]
struct Source<'a> {
    /// The name of the row.
    name: &'a str,
    class_name: &'a str,
    config: Option<&'a str>,
    /// The path in the row's config, ending in a dot; empty for the row itself.
    path: &'a str,
    /// How many inline activations contain it.
    depth: u32,
    members: &'a [MemberRow],
}

/// Reports unreadable members, and members of a type that takes none.
fn check_members(members: &[MemberRow], kind: &ActivationType, problems: &mut Vec<Problem>) {
    /// A broken column breaks every row; a few examples are enough.
    const MAX_REPORTED: usize = 8;
    let faults = members.iter().filter_map(|row| row.fault.as_deref());
    problems.extend(faults.take(MAX_REPORTED).map(|fault| Problem {
        path: format!("{}.{}", fault.table, fault.column),
        message: fault.message.clone(),
    }));
    if !members.is_empty() && !kind.takes_members() {
        let message =
            format!("expected no members, because {} takes none, found {}", kind.class(), members.len());
        problems.push(Problem { path: "activation_members".to_owned(), message });
    }
}

/// Appends a path inside a config to the path of that config. If the outer path ends in a dot, the config is
/// the field `config` of an object there; otherwise it stands at the outer path itself.
fn below(outer: &str, path: &str) -> String {
    let path =
        if outer.is_empty() || outer.ends_with('.') { path } else { path.trim_start_matches("config") };
    format!("{outer}{path}")
}

impl Problem {
    fn below(self, path: &str) -> Self {
        Self { path: below(path, &self.path), message: self.message }
    }
}

/// Resolves the references of one activation.
struct DraftLinker<'a, 'b, 'c> {
    builder: &'a mut Builder<'b, 'c>,
    row: u32,
    path: &'a str,
    depth: u32,
    children: Vec<u32>,
    paths: Vec<String>,
}

impl DraftLinker<'_, '_, '_> {
    /// The index that the next pending node will have.
    fn next_pending(&self) -> u32 {
        index(self.builder.rows.activations.len() + self.builder.pending.len())
    }
}

impl Linker for DraftLinker<'_, '_, '_> {
    fn child(&mut self, path: &str, reference: &ChildReference) -> Result<u32, Unresolved> {
        let path = below(self.path, &format!("config{path}"));
        let node = match reference {
            ChildReference::Id(id) => self.builder.ids.get(*id).ok_or_else(|| {
                self.builder.missing.activations.insert(*id);
                Unresolved::Invalid(format!("no activation has the id {id}"))
            })?,
            ChildReference::Inline { .. } if self.depth >= MAX_INLINE_DEPTH => {
                return Err(Unresolved::Invalid(format!(
                    "inline activations are nested more than {MAX_INLINE_DEPTH} levels deep; give one of them a row of \
                     its own and refer to it by its id"
                )));
            }
            ChildReference::Inline { class_name, config, bare } => {
                let node = self.next_pending();
                let (class_name, config) = (class_name.clone(), config.clone());
                let path = if *bare { path.clone() } else { format!("{path}.") };
                let depth = self.depth + 1;
                let pending = PendingNode { row: self.row, path, class_name, config, depth, flag: None };
                self.builder.pending.push(pending);
                node
            }
            ChildReference::Flag(name) => {
                let flag = self.builder.lookup.find(name);
                let flag = flag.ok_or_else(|| {
                    self.builder.missing.flags.insert(name.clone());
                    let suggests = self.builder.suggests();
                    Unresolved::MissingFlag(self.builder.lookup.unknown_flag(name, suggests))
                })?;
                let next = self.next_pending();
                let node = *self.builder.flag_nodes.entry(flag).or_insert(next);
                if node == next {
                    let pending = PendingNode { row: self.row, flag: Some(flag), ..PendingNode::default() };
                    self.builder.pending.push(pending);
                }
                node
            }
        };
        self.children.push(node);
        self.paths.push(path);
        Ok(node)
    }

    fn variant(&mut self, name: &str) -> Variant {
        let variant = self.builder.variants.intern(name);
        self.builder.assigned.push(variant);
        variant
    }

    fn number(&mut self, name: &str) -> Variant {
        self.builder.variants.intern(name)
    }
}
