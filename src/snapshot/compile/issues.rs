//! Everything that is wrong with the rows.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use foldhash::fast::RandomState;

use crate::{
    rows::{FlagRow, Rows, issue::Issue},
    snapshot::compile::{
        graph::Graph,
        links::{Links, Places},
        nodes::{Draft, Drafts},
        variants::Fault,
    },
};

/// Everything that is wrong, with the flags that suffer from it.
pub(in crate::snapshot) struct Issues<'a> {
    pub(in crate::snapshot) rows: &'a Rows,
    pub(in crate::snapshot) drafts: &'a Drafts,
    pub(in crate::snapshot) links: &'a Links,
    pub(in crate::snapshot) places: &'a Places,
    /// What is wrong with flags' variants, by the flags' indices.
    pub(in crate::snapshot) faults: &'a [(usize, Fault)],
    /// Flags whose name an earlier one has, each with that one's index.
    pub(in crate::snapshot) twins: &'a [(usize, usize)],
    /// What is wrong with files that are types, each with the class that it would be.
    pub(in crate::snapshot) files: &'a [(Option<String>, Issue)],
}

impl Issues<'_> {
    pub(in crate::snapshot) fn collect(&self) -> Vec<Issue> {
        let mut issues: Vec<Issue> = self.links.broken.clone();
        self.flags(&mut issues);
        self.values(&mut issues);
        let no_node_is_broken = self.drafts.problems.is_empty() && self.drafts.broken_flags.is_empty();
        if !no_node_is_broken || !self.files.is_empty() {
            let sufferers = Sufferers::of_all(self.rows, self.drafts, self.links);
            self.activations(&sufferers, &mut issues);
            self.askers(&sufferers, &mut issues);
            self.files(&sufferers, &mut issues);
        }
        self.members(&mut issues);
        sort(&mut issues);
        // A circle that a row closes twice is told once.
        issues.dedup();
        issues
    }

    fn flags(&self, issues: &mut Vec<Issue>) {
        let issue = |row: &FlagRow, table, column: &str, message, hurt: bool| Issue {
            table,
            id: Some(row.id),
            name: row.name.clone(),
            path: column.to_owned(),
            message,
            flags: if hurt { vec![row.name.clone()] } else { Vec::new() },
        };
        for row in &self.rows.flags {
            for fault in &row.faults {
                // Metadata takes no part in evaluation, so what is wrong with it hurts nobody.
                let hurt = fault.table == "flags";
                issues.push(issue(row, fault.table, fault.column, fault.message.clone(), hurt));
            }
        }
        for (twin, first) in self.twins {
            let (Some(row), Some(first)) = (self.rows.flags.get(*twin), self.rows.flags.get(*first)) else {
                continue;
            };
            let message = format!("expected a name of its own; flag {} has it, and answers to it", first.id);
            issues.push(issue(row, "flags", "name", message, false));
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

    /// Members of activations that are not there. They hurt nobody, and one is told for all of an activation.
    fn members(&self, issues: &mut Vec<Issue>) {
        for members in self.rows.members.chunk_by(|one, next| one.activation_id == next.activation_id) {
            let Some(first) = members.first() else { continue };
            let id = first.activation_id;
            if self.places.get(id).is_some() {
                continue;
            }
            let others = match members.len() - 1 {
                0 => String::new(),
                others => format!(", which {others} more of these rows name"),
            };
            issues.push(Issue {
                table: "activation_members",
                id: Some(id),
                name: first.member.clone(),
                path: "activation_id".to_owned(),
                message: format!("no activation has the id {id}{others}"),
                flags: Vec::new(),
            });
        }
    }

    /// Files that are no types. They hurt the flags that need an activation of their class.
    fn files(&self, sufferers: &Sufferers<'_>, issues: &mut Vec<Issue>) {
        for (class, issue) in self.files {
            let is_of = |draft: &Draft| {
                let found = self.drafts.classes.get(draft.class as usize);
                class.is_some() && found.map(|found| &**found) == class.as_deref()
            };
            let nodes = (0..).zip(&self.drafts.list).filter(|(_, draft)| !draft.is_flag() && is_of(draft));
            let flags: BTreeSet<&str> = nodes.flat_map(|(node, _)| sufferers.of(node)).collect();
            let flags = flags.into_iter().map(str::to_owned).collect();
            issues.push(Issue { flags, ..issue.clone() });
        }
    }

    /// A flag that is broken for a reason of its own breaks those that ask it.
    fn askers(&self, sufferers: &Sufferers<'_>, issues: &mut [Issue]) {
        let asked = |node: &u32| {
            let place = self.drafts.flags.binary_search_by_key(node, |(of, _)| *of).ok()?;
            let (_, flag) = self.drafts.flags.get(place)?;
            Some((self.rows.flags.get(*flag as usize)?.id, sufferers.of(*node)))
        };
        let askers: HashMap<i64, Vec<&str>> = self.drafts.broken_flags.iter().filter_map(asked).collect();
        for issue in issues {
            // What hurts nobody, not the flag itself either, hurts nobody who asks it.
            if issue.table.starts_with("flag") && !issue.flags.is_empty() {
                let more = issue.id.and_then(|id| askers.get(&id)).into_iter().flatten();
                issue.flags.extend(more.map(|name| (*name).to_owned()));
                issue.flags.sort_unstable();
                issue.flags.dedup();
            }
        }
    }

    fn activations(&self, sufferers: &Sufferers<'_>, issues: &mut Vec<Issue>) {
        let mut hurt: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
        for (node, problem) in &self.drafts.problems {
            let row = self.drafts.list.get(*node as usize).map(|draft| draft.row as usize);
            let row = row.and_then(|row| self.rows.activations.get(row));
            let flags = hurt.entry(*node).or_insert_with(|| sufferers.of(*node));
            let flags = flags.iter().map(|name| (*name).to_owned());
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

/// Sorts issues by their rows; what has no id goes by its name, and what is wrong with a file in the file's order.
pub(in crate::snapshot) fn sort(issues: &mut [Issue]) {
    issues.sort_by(|a, b| {
        let within = || if a.id.is_some() { a.path.cmp(&b.path) } else { a.name.cmp(&b.name) };
        (a.table, a.id).cmp(&(b.table, b.id)).then_with(within)
    });
}

/// Which flags need an activation. Asked from below: from above, each of a hundred thousand flags would be gone through down
/// to the ground.
struct Sufferers<'a> {
    rows: &'a Rows,
    /// Who asks each node.
    askers: Graph,
    /// The flags that are linked to each node, by their indices.
    linked: HashMap<u32, Vec<u32>, RandomState>,
}

impl<'a> Sufferers<'a> {
    fn of_all(rows: &'a Rows, drafts: &Drafts, links: &Links) -> Self {
        let mut linked: HashMap<u32, Vec<u32>, RandomState> = HashMap::default();
        for flag in (0..).take(rows.flags.len()) {
            for node in links.nodes.of(flag) {
                linked.entry(*node).or_default().push(flag);
            }
        }
        Self { rows, askers: drafts.graph.reversed(drafts.graph.len()), linked }
    }

    /// The names of the flags that need this node, sorted.
    fn of(&self, node: u32) -> Vec<&'a str> {
        let above = self.askers.below(&[node]).into_iter();
        let flags = above.filter_map(|node| self.linked.get(&node)).flatten();
        let names = flags.filter_map(|flag| self.rows.flags.get(*flag as usize));
        let mut names: Vec<&str> = names.map(|row| row.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}
