//! Collects the issues of all rows.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use foldhash::fast::RandomState;

use crate::{
    activation::Problem,
    rows::{FlagRow, Rows, issue::Issue},
    snapshot::compile::{
        graph::Graph,
        links::{IdIndex, Links},
        nodes::{DraftNode, DraftNodes},
        variants::MetadataError,
    },
};

/// Collects the issues of all rows, each with the flags that it affects.
pub(in crate::snapshot) struct IssueCollector<'a> {
    pub(in crate::snapshot) rows: &'a Rows,
    pub(in crate::snapshot) drafts: &'a DraftNodes,
    pub(in crate::snapshot) links: &'a Links,
    pub(in crate::snapshot) ids: &'a IdIndex,
    /// Invalid metadata, by flag index.
    pub(in crate::snapshot) metadata_errors: &'a [(usize, MetadataError)],
    /// Flags whose name is taken by an earlier flag, each with the index of that flag.
    pub(in crate::snapshot) duplicate_names: &'a [(usize, usize)],
    /// Issues of files that define types, each with the class name of the type.
    pub(in crate::snapshot) file_issues: &'a [(Option<String>, Issue)],
}

impl IssueCollector<'_> {
    pub(in crate::snapshot) fn collect(&self) -> Vec<Issue> {
        let mut issues: Vec<Issue> = self.links.issues.clone();
        self.flags(&mut issues);
        self.metadata(&mut issues);
        let all_nodes_valid = self.drafts.problems.is_empty() && self.drafts.broken_flags.is_empty();
        if !all_nodes_valid || !self.file_issues.is_empty() {
            let mut dependents = DependentFlags::new(self.rows, self.drafts, self.links);
            self.activations(&mut dependents, &mut issues);
            self.flags_of_broken_flags(&mut dependents, &mut issues);
            self.files(&mut dependents, &mut issues);
        }
        issues.extend(
            self.drafts
                .warnings
                .iter()
                .map(|(node, problem)| Issue { warning: true, ..self.activation(*node, problem) }),
        );
        self.members(&mut issues);
        sort(&mut issues);
        // A row that closes the same cycle twice is reported once.
        issues.dedup();
        issues
    }

    fn flags(&self, issues: &mut Vec<Issue>) {
        let issue = |row: &FlagRow, table, column: &str, message, breaks_flag: bool| Issue {
            table,
            id: Some(row.id),
            name: row.name.clone(),
            path: column.to_owned(),
            message,
            flags: if breaks_flag { vec![row.name.clone()] } else { Vec::new() },
            warning: false,
        };
        for row in &self.rows.flags {
            for fault in &row.faults {
                // Unreadable columns of `flag_metadata` break no flag: evaluation does not use them.
                let breaks_flag = fault.table == "flags";
                issues.push(issue(row, fault.table, fault.column, fault.message.clone(), breaks_flag));
            }
        }
        for (duplicate, first) in self.duplicate_names {
            let (Some(row), Some(first)) = (self.rows.flags.get(*duplicate), self.rows.flags.get(*first))
            else {
                continue;
            };
            let message = format!("expected a unique name; flag {} has the same name and is used", first.id);
            issues.push(issue(row, "flags", "name", message, false));
        }
    }

    fn metadata(&self, issues: &mut Vec<Issue>) {
        for (position, error) in self.metadata_errors {
            let Some(row) = self.rows.flags.get(*position) else { continue };
            issues.push(Issue {
                table: "flag_metadata",
                id: Some(row.id),
                name: row.name.clone(),
                path: error.path.clone().into_owned(),
                message: error.message.clone(),
                flags: if error.breaks_flag { vec![row.name.clone()] } else { Vec::new() },
                warning: false,
            });
        }
    }

    /// Members of activations that do not exist: one issue per activation, which affects no flag.
    fn members(&self, issues: &mut Vec<Issue>) {
        for members in self.rows.members.chunk_by(|one, next| one.activation_id == next.activation_id) {
            let Some(first) = members.first() else { continue };
            let id = first.activation_id;
            if self.ids.get(id).is_some() {
                continue;
            }
            let others = match members.len() - 1 {
                0 => String::new(),
                others => format!("; {others} more members refer to it"),
            };
            issues.push(Issue {
                table: "activation_members",
                id: Some(id),
                name: first.member.clone(),
                path: "activation_id".to_owned(),
                message: format!("no activation has the id {id}{others}"),
                flags: Vec::new(),
                warning: false,
            });
        }
    }

    /// Files that do not define a valid type affect the flags with activations of that class.
    fn files(&self, dependents: &mut DependentFlags<'_>, issues: &mut Vec<Issue>) {
        for (class, issue) in self.file_issues {
            let has_class = |draft: &DraftNode| {
                let found = self.drafts.classes.get(draft.class as usize);
                class.is_some() && found.map(|found| &**found) == class.as_deref()
            };
            let nodes =
                (0..).zip(&self.drafts.list).filter(|(_, draft)| !draft.is_flag() && has_class(draft));
            let flags: BTreeSet<&str> = nodes.flat_map(|(node, _)| dependents.names(node)).collect();
            let flags = flags.into_iter().map(str::to_owned).collect();
            issues.push(Issue { flags, ..issue.clone() });
        }
    }

    /// Adds the flags that depend on a broken flag to the issues of that flag.
    fn flags_of_broken_flags(&self, dependents: &mut DependentFlags<'_>, issues: &mut [Issue]) {
        let dependents_of = |node: &u32| {
            let position = self.drafts.flags.binary_search_by_key(node, |(of, _)| *of).ok()?;
            let (_, flag) = self.drafts.flags.get(position)?;
            Some((self.rows.flags.get(*flag as usize)?.id, dependents.names(*node)))
        };
        let dependents: HashMap<i64, Vec<&str>> =
            self.drafts.broken_flags.iter().filter_map(dependents_of).collect();
        for issue in issues {
            // An issue that does not break the flag itself does not break its dependents either.
            if issue.table.starts_with("flag") && !issue.flags.is_empty() {
                let names = issue.id.and_then(|id| dependents.get(&id)).into_iter().flatten();
                issue.flags.extend(names.map(|name| (*name).to_owned()));
                issue.flags.sort_unstable();
                issue.flags.dedup();
            }
        }
    }

    fn activations(&self, dependents: &mut DependentFlags<'_>, issues: &mut Vec<Issue>) {
        let nodes: BTreeSet<u32> = self.drafts.problems.iter().map(|(node, _)| *node).collect();
        let flags_by_node: BTreeMap<u32, Vec<&str>> =
            nodes.into_iter().map(|node| (node, dependents.names(node))).collect();
        for (node, problem) in self.drafts.problems.iter() {
            let flags = flags_by_node.get(node).into_iter().flatten().map(|name| (*name).to_owned());
            issues.push(Issue { flags: flags.collect(), ..self.activation(*node, problem) });
        }
    }

    /// The issue of a problem; the caller adds its flags.
    fn activation(&self, node: u32, problem: &Problem) -> Issue {
        let row = self.drafts.list.get(node as usize).map(|draft| draft.row as usize);
        let row = row.and_then(|row| self.rows.activations.get(row));
        Issue {
            table: "activations",
            id: row.map(|row| row.id),
            name: row.map(|row| row.name.clone()).unwrap_or_default(),
            path: problem.path.clone(),
            message: problem.message.clone(),
            flags: Vec::new(),
            warning: false,
        }
    }
}

/// Sorts issues by row, path and message: a patch finds the cycles that a row closes in another order. Issues
/// of files, which have no id, are sorted by name and keep their order within a file.
pub(in crate::snapshot) fn sort(issues: &mut [Issue]) {
    issues.sort_by(|a, b| {
        let within = || match a.id {
            Some(_) => (&a.path, &a.message).cmp(&(&b.path, &b.message)),
            None => a.name.cmp(&b.name),
        };
        (a.table, a.id).cmp(&(b.table, b.id)).then_with(within)
    });
}

/// Finds the flags that depend on a node. It searches upward from the node; searching downward would walk the
/// activations of every flag.
struct DependentFlags<'a> {
    rows: &'a Rows,
    /// The nodes that evaluate each node.
    parents: Graph,
    /// The indices of the flags that are linked to each node.
    linked: HashMap<u32, Vec<u32>, RandomState>,
    /// How many more nodes and flags may be visited by searches that skip none.
    budget: usize,
    /// The nodes that a search has visited.
    seen: HashSet<u32, RandomState>,
}

impl<'a> DependentFlags<'a> {
    /// The first budget. Thousands of invalid activations, each with thousands of others above it, would
    /// otherwise take quadratic time and memory.
    const BUDGET: usize = 2_000_000;

    fn new(rows: &'a Rows, drafts: &DraftNodes, links: &Links) -> Self {
        let mut linked: HashMap<u32, Vec<u32>, RandomState> = HashMap::default();
        for flag in (0..).take(rows.flags.len()) {
            for node in links.nodes.targets(flag) {
                linked.entry(*node).or_default().push(flag);
            }
        }
        let parents = drafts.graph.reversed(drafts.graph.len());
        Self { rows, parents, linked, budget: Self::BUDGET, seen: HashSet::default() }
    }

    /// The names of the flags that depend on this node, sorted. Once the budget is spent, only those that no
    /// earlier search has found, so that every broken flag is still named by an issue.
    fn names(&mut self, node: u32) -> Vec<&'a str> {
        let above = if self.budget == 0 {
            self.parents.reachable_where(&[node], |node| !self.seen.contains(&node))
        } else {
            self.parents.reachable(&[node])
        };
        let flags = above.iter().filter_map(|node| self.linked.get(node)).flatten();
        let names = flags.filter_map(|flag| self.rows.flags.get(*flag as usize));
        let mut names: Vec<&str> = names.map(|row| row.name.as_str()).collect();
        self.budget = self.budget.saturating_sub(above.len() + names.len());
        self.seen.extend(above);
        names.sort_unstable();
        names.dedup();
        names
    }
}
