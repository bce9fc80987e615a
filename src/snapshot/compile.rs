//! The second half of compiling: flags, over the activations that they ask.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Answer, Ask, Flag, Plan, Settings, Snapshot,
    drafts::{Draft, Drafts, Index, Variants, index},
    values::{Fault, Values},
};
use crate::{
    activation::Variant,
    bucket::Salted,
    check::Surroundings,
    decision::{Outcome, Reason},
    issue::Issue,
    overrides::Override,
    registry::Registry,
    rows::{FailMode, FlagRow, Rows},
};

/// Up to this many activations below one another are asked by recursion: what a thread with a stack of 256 KiB can
/// take with room to spare, even in a build without optimization.
const DEEPEST_RECURSION: u32 = 64;

impl Snapshot {
    /// Compiles rows. Never fails: a row that does not compile becomes an [`Issue`], and the flags that need it
    /// answer by their fail mode (R6); those with `last_known` answer as in `previous`.
    #[must_use]
    pub fn compile(
        mut rows: Arc<Rows>,
        registry: &Registry,
        settings: &Settings,
        previous: Option<&Arc<Self>>,
    ) -> Self {
        if !rows.flags.is_sorted_by_key(|row| row.id) || !rows.activations.is_sorted_by_key(|row| row.id) {
            // Stores give rows in this order; those from elsewhere may come in any.
            let rows = Arc::make_mut(&mut rows);
            rows.flags.sort_by_key(|row| row.id);
            rows.activations.sort_by_key(|row| row.id);
        }
        let mut variants = Variants::default();
        let drafts = Drafts::build(&rows, registry, &mut variants);
        let links = Links::of(&rows, &drafts);
        let facts = Facts::of(&drafts, &links);
        let mut compiler = FlagCompiler {
            rows: &rows,
            drafts: &drafts,
            links: &links,
            facts: &facts,
            settings,
            previous,
            variants,
            faults: Vec::new(),
        };
        let flags = compiler.flags();
        let names = compiler.names(&flags);
        let (variants, faults) = (compiler.variants.names, compiler.faults);
        let issues =
            Issues { rows: &rows, drafts: &drafts, links: &links, facts: &facts, faults: &faults }.collect();
        let (nodes, infos) = drafts.finish(&facts);
        let slots = nodes.iter().filter(|node| node.memo.is_some()).count();
        let around = Surroundings {
            base: settings.context.clone(),
            identity: settings.identity.iter().map(|name| name.as_str().into()).collect(),
        };
        Self { around, nodes, infos, flags, names, variants, slots, issues, rows, serial: 0 }
    }
}

/// What each flag is linked to.
struct Links {
    /// The nodes that each flag asks, by the flag's index, in the order of the activations' ids (R3).
    nodes: Vec<Vec<u32>>,
    /// Links that lead nowhere: the flag's index if it has one, and the issue.
    broken: Vec<(Option<usize>, Issue)>,
}

impl Links {
    fn of(rows: &Rows, drafts: &Drafts) -> Self {
        let mut flags: Index<i64> = Index::default();
        for (position, flag) in (0..).zip(&rows.flags) {
            flags.entry(flag.id).or_insert(position);
        }
        let mut links = Self { nodes: vec![Vec::new(); rows.flags.len()], broken: Vec::new() };
        for link in &rows.links {
            let flag = link.flag_id.and_then(|id| flags.get(&id)).map(|position| *position as usize);
            let node = link.activation_id.and_then(|id| drafts.ids.get(&id)).copied();
            match (flag.and_then(|flag| links.nodes.get_mut(flag)), node) {
                (Some(nodes), Some(node)) => nodes.push(node),
                _ => links.broken.push((flag, lost_link(rows, link.flag_id, link.activation_id, flag))),
            }
        }
        let id = |node: &u32| rows.activations.get(*node as usize).map_or(i64::MAX, |row| row.id);
        for nodes in &mut links.nodes {
            nodes.sort_by_key(id);
            nodes.dedup();
        }
        links
    }
}

fn lost_link(rows: &Rows, flag_id: Option<i64>, activation_id: Option<i64>, flag: Option<usize>) -> Issue {
    let text = |id: Option<i64>| id.map_or_else(|| "null".to_owned(), |id| id.to_string());
    let (path, message) = match (flag, flag_id, activation_id) {
        (None, None, _) => ("flag_id", "expected the id of a flag, found null".to_owned()),
        (None, Some(id), _) => ("flag_id", format!("no flag has the id {id}")),
        (Some(_), _, None) => ("activation_id", "expected the id of an activation, found null".to_owned()),
        (Some(_), _, Some(id)) => ("activation_id", format!("no activation has the id {id}")),
    };
    let row = flag.and_then(|flag| rows.flags.get(flag));
    let pair = || format!("({}, {})", text(flag_id), text(activation_id));
    Issue {
        table: "flags_activations",
        id: flag_id,
        name: row.map_or_else(pair, |row| row.name.clone()),
        path: path.to_owned(),
        message,
        flags: row.map(|row| row.name.clone()).into_iter().collect(),
    }
}

/// What follows from the whole graph, for each node.
pub(super) struct Facts {
    broken: Vec<bool>,
    depths: Vec<u32>,
    /// Whether the node or one below it divides callers by chance.
    splits: Vec<bool>,
    /// Whether the node or one below it answers otherwise for another flag.
    pub(super) by_flag: Vec<bool>,
    /// Where the node's answer is remembered.
    pub(super) slots: Vec<Option<u32>>,
}

impl Facts {
    fn of(drafts: &Drafts, links: &Links) -> Self {
        let (graph, count) = (&drafts.graph, drafts.list.len());
        let parents = graph.parents();
        let mut broken = vec![false; count];
        let mut open: Vec<u32> = (0..)
            .zip(&drafts.list)
            .filter(|(_, draft)| !draft.problems.is_empty())
            .map(|(node, _)| node)
            .collect();
        while let Some(node) = open.pop() {
            if !std::mem::replace(&mut broken[node as usize], true) {
                open.extend_from_slice(&parents[node as usize]);
            }
        }
        let depths = graph.depths(&drafts.order);
        let splits = spread(drafts, Draft::is_split);
        let by_flag = spread(drafts, |draft| draft.by_flag);
        let mut asked_by: Vec<usize> = parents.iter().map(Vec::len).collect();
        for node in links.nodes.iter().flatten() {
            asked_by[*node as usize] += 1;
        }
        let mut deep = vec![false; count];
        for roots in &links.nodes {
            if roots.iter().any(|root| depths[*root as usize] > DEEPEST_RECURSION) {
                for node in graph.below(roots) {
                    deep[node as usize] = true;
                }
            }
        }
        let mut free = 0..;
        let remembered = asked_by.iter().zip(&deep).map(|(askers, deep)| *askers > 1 || *deep);
        let slots = remembered.map(|remembered| if remembered { free.next() } else { None }).collect();
        Self { broken, depths, splits, by_flag, slots }
    }

    fn any_broken(&self, nodes: &[u32]) -> bool {
        nodes.iter().any(|node| self.broken[*node as usize])
    }
}

/// What holds for a node itself holds for whoever asks it.
fn spread(drafts: &Drafts, holds: impl Fn(&Draft) -> bool) -> Vec<bool> {
    let mut found: Vec<bool> = drafts.list.iter().map(holds).collect();
    for node in &drafts.order.nodes {
        let below = drafts.graph.children[*node as usize].iter().any(|child| found[*child as usize]);
        found[*node as usize] |= below;
    }
    found
}

struct FlagCompiler<'a> {
    rows: &'a Rows,
    drafts: &'a Drafts,
    links: &'a Links,
    facts: &'a Facts,
    settings: &'a Settings,
    previous: Option<&'a Arc<Snapshot>>,
    variants: Variants,
    /// What is wrong with flags' variants, by the flags' indices.
    faults: Vec<(usize, Fault)>,
}

impl FlagCompiler<'_> {
    fn flags(&mut self) -> Vec<Flag> {
        let lost: BTreeSet<usize> = self.links.broken.iter().filter_map(|(flag, _)| *flag).collect();
        let mut flags = Vec::with_capacity(self.rows.flags.len());
        for (position, row) in self.rows.flags.iter().enumerate() {
            let overridden = self.settings.overrides.get(&row.name);
            let (values, fault) = match Values::read(&row.metadata, &mut self.variants) {
                Ok(values) => (values, None),
                Err(fault) => (Some(Box::new(Values::unreadable())), Some(fault)),
            };
            let default = values.as_ref().and_then(|values| values.default);
            let linked = self.links.nodes[position].as_slice();
            let answer = match overridden {
                Some(over) => Answer::Fixed(self.overridden(over)),
                None if fault.is_some() => self.unless_off(row, |compiler| compiler.broken(row)),
                None => self.answer(row, linked, lost.contains(&position), default),
            };
            self.faults.extend(fault.map(|fault| (position, fault)));
            flags.push(Flag {
                name: row.name.as_str().into(),
                salt: Salted::new(&row.name),
                linked: linked.into(),
                answer,
                overridden: overridden.is_some(),
                values,
            });
        }
        let known: BTreeSet<&str> = self.rows.flags.iter().map(|row| row.name.as_str()).collect();
        for (name, over) in &self.settings.overrides {
            if !known.contains(name.as_str()) {
                let answer = Answer::Fixed(self.overridden(over));
                let (salt, name, linked) = (Salted::new(name), name.as_str().into(), Box::default());
                flags.push(Flag { name, salt, linked, answer, overridden: true, values: None });
            }
        }
        flags
    }

    fn overridden(&mut self, over: &Override) -> Outcome {
        let variant = match over {
            Override::On | Override::Off => None,
            Override::Variant(name) => Some(self.variants.number(name)),
        };
        Outcome { enabled: *over != Override::Off, variant, reason: Reason::Static }
    }

    /// A status that is off is the answer, whatever else may be wrong: it is the kill switch (R1).
    fn unless_off(&mut self, row: &FlagRow, otherwise: impl FnOnce(&mut Self) -> Answer) -> Answer {
        let unreadable = row.faults.iter().any(|fault| fault.table == "flags");
        if unreadable {
            return self.broken(row);
        }
        if row.status {
            return otherwise(self);
        }
        Answer::Fixed(Outcome { enabled: false, variant: None, reason: Reason::Disabled })
    }

    fn answer(&mut self, row: &FlagRow, asked: &[u32], lost: bool, default: Option<Variant>) -> Answer {
        self.unless_off(row, |compiler| {
            if lost || compiler.facts.any_broken(asked) {
                return compiler.broken(row);
            }
            if asked.is_empty() {
                return Answer::Fixed(Outcome { enabled: true, variant: default, reason: Reason::Static });
            }
            Answer::Ask(compiler.ask(asked, default, row.metadata.fail_mode))
        })
    }

    fn ask(&self, asked: &[u32], default: Option<Variant>, fail_mode: FailMode) -> Ask {
        let split = asked.iter().any(|node| self.facts.splits[*node as usize]);
        let on = if split { Reason::Split } else { Reason::TargetingMatch };
        let graph = &self.drafts.graph;
        let plan = if asked.iter().any(|node| self.facts.depths[*node as usize] > DEEPEST_RECURSION) {
            Plan::Deep(graph.below(asked).into())
        } else if graph.is_tree(asked) {
            Plan::Plain
        } else {
            Plan::Shared
        };
        Ask { on, default, fails_on: fail_mode == FailMode::On, plan }
    }

    fn broken(&mut self, row: &FlagRow) -> Answer {
        let fixed = |enabled| Answer::Fixed(Outcome { enabled, variant: None, reason: Reason::Error });
        match row.metadata.fail_mode {
            FailMode::Off => fixed(false),
            FailMode::On => fixed(true),
            FailMode::LastKnown => self.last_known(&row.name).unwrap_or_else(|| fixed(false)),
        }
    }

    fn last_known(&mut self, name: &str) -> Option<Answer> {
        let previous = self.previous?;
        let flag = previous.find_index(name)?;
        let (snapshot, flag) = match &previous.flags.get(flag as usize)?.answer {
            // It was broken then, too: what it answered by is still the last that is known.
            Answer::LastKnown { snapshot, flag } => (snapshot, *flag),
            Answer::Fixed(Outcome { reason: Reason::Error, .. }) => return None,
            Answer::Fixed(_) | Answer::Ask(_) => (previous, flag),
        };
        for variant in &snapshot.variants {
            self.variants.number(variant);
        }
        Some(Answer::LastKnown { snapshot: Arc::clone(snapshot), flag })
    }

    fn names(&self, flags: &[Flag]) -> Index<Box<str>> {
        let mut names = Index::with_capacity_and_hasher(flags.len(), foldhash::fast::RandomState::default());
        for (position, flag) in flags.iter().enumerate() {
            let row = self.rows.flags.get(position);
            let nameless = row.is_some_and(|row| row.faults.iter().any(|fault| fault.column == "name"));
            if !nameless {
                names.entry(flag.name.clone()).or_insert(index(position));
            }
        }
        names
    }
}

/// Everything that is wrong, with the flags that suffer from it.
struct Issues<'a> {
    rows: &'a Rows,
    drafts: &'a Drafts,
    links: &'a Links,
    facts: &'a Facts,
    faults: &'a [(usize, Fault)],
}

impl Issues<'_> {
    fn collect(&self) -> Vec<Issue> {
        let mut issues: Vec<Issue> = self.links.broken.iter().map(|(_, issue)| issue.clone()).collect();
        self.flags(&mut issues);
        self.values(&mut issues);
        self.activations(&mut issues);
        issues.sort_by(|a, b| (a.table, a.id, &a.path).cmp(&(b.table, b.id, &b.path)));
        issues
    }

    fn flags(&self, issues: &mut Vec<Issue>) {
        let mut names = BTreeMap::new();
        for row in &self.rows.flags {
            let issue = |table, column: &str, message, hurt: bool| Issue {
                table,
                id: Some(row.id),
                name: row.name.clone(),
                path: column.to_owned(),
                message,
                flags: if hurt { vec![row.name.clone()] } else { Vec::new() },
            };
            for fault in &row.faults {
                // Metadata takes no part in evaluation, so what is wrong with it hurts nobody.
                let hurt = fault.table == "flags";
                issues.push(issue(fault.table, fault.column, fault.message.clone(), hurt));
            }
            if let Some(first) = names.insert(&row.name, row.id) {
                names.insert(&row.name, first);
                let message = format!("expected a name of its own; flag {first} has it, and answers to it");
                issues.push(issue("flags", "name", message, false));
            }
        }
    }

    fn values(&self, issues: &mut Vec<Issue>) {
        for (position, fault) in self.faults {
            let Some(row) = self.rows.flags.get(*position) else { continue };
            issues.push(Issue {
                table: "flag_metadata",
                id: Some(row.id),
                name: row.name.clone(),
                path: fault.column.to_owned(),
                message: fault.message.clone(),
                flags: vec![row.name.clone()],
            });
        }
    }

    fn activations(&self, issues: &mut Vec<Issue>) {
        let mut hurt: BTreeMap<u32, BTreeSet<&str>> = BTreeMap::new();
        for (row, roots) in self.rows.flags.iter().zip(&self.links.nodes) {
            if self.facts.any_broken(roots) {
                for node in self.drafts.graph.below(roots) {
                    hurt.entry(node).or_default().insert(&row.name);
                }
            }
        }
        for (node, draft) in (0..).zip(&self.drafts.list) {
            for problem in &draft.problems {
                let row = self.rows.activations.get(draft.row as usize);
                let flags = hurt.get(&node).into_iter().flatten().map(|name| (*name).to_owned());
                issues.push(Issue {
                    table: "activations",
                    id: row.map(|row| row.id),
                    name: row.map(|row| row.name.clone()).unwrap_or_default(),
                    path: problem.path.clone(),
                    message: problem.message.clone(),
                    flags: flags.collect(),
                });
            }
        }
    }
}
