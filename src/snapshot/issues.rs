//! Everything that is wrong with the rows.

use std::collections::{BTreeMap, BTreeSet};

use super::{drafts::Drafts, facts::Facts, links::Links, values::Fault};
use crate::{
    issue::Issue,
    rows::{FlagRow, Rows},
};

/// Everything that is wrong, with the flags that suffer from it.
pub(super) struct Issues<'a> {
    pub(super) rows: &'a Rows,
    pub(super) drafts: &'a Drafts,
    pub(super) links: &'a Links,
    pub(super) facts: &'a Facts,
    /// What is wrong with flags' variants, by the flags' indices.
    pub(super) faults: &'a [(usize, Fault)],
    /// Flags whose name an earlier one has, each with that one's index.
    pub(super) twins: &'a [(usize, usize)],
    /// What is wrong with files that are types, each with the class that it would be.
    pub(super) files: &'a [(Option<String>, Issue)],
}

impl Issues<'_> {
    pub(super) fn collect(&self) -> Vec<Issue> {
        let mut issues: Vec<Issue> = self.links.broken.iter().map(|(_, issue)| issue.clone()).collect();
        self.flags(&mut issues);
        self.values(&mut issues);
        self.activations(&mut issues);
        // What has no id goes by its name, and what is wrong with a file in the file's order.
        let key = |issue: &Issue| (issue.table, issue.id);
        issues.sort_by(|a, b| {
            let within = || if a.id.is_some() { a.path.cmp(&b.path) } else { a.name.cmp(&b.name) };
            key(a).cmp(&key(b)).then_with(within)
        });
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

    fn activations(&self, issues: &mut Vec<Issue>) {
        let first_file = issues.len();
        issues.extend(self.files.iter().map(|(_, issue)| issue.clone()));
        if self.drafts.problems.is_empty() {
            return;
        }
        let mut hurt: BTreeMap<u32, BTreeSet<&str>> = BTreeMap::new();
        for (flag, row) in (0..).zip(&self.rows.flags) {
            let roots = self.links.nodes.of(flag);
            if self.facts.any_broken(roots) {
                for node in self.drafts.graph.below(roots) {
                    hurt.entry(node).or_default().insert(&row.name);
                }
            }
        }
        for (place, (class, _)) in (first_file..).zip(self.files) {
            let is_of = |node: &&u32| {
                let draft = self.drafts.list.get(**node as usize);
                let found = draft.and_then(|draft| self.drafts.classes.get(draft.class as usize));
                class.is_some() && found.map(|found| &**found) == class.as_deref()
            };
            let flags = hurt.iter().filter(|(node, _)| is_of(node)).flat_map(|(_, flags)| flags);
            let flags: BTreeSet<&str> = flags.copied().collect();
            if let Some(issue) = issues.get_mut(place) {
                issue.flags = flags.into_iter().map(str::to_owned).collect();
            }
        }
        for (node, problem) in &self.drafts.problems {
            let row = self.drafts.list.get(*node as usize).map(|draft| draft.row as usize);
            let row = row.and_then(|row| self.rows.activations.get(row));
            let flags = hurt.get(node).into_iter().flatten().map(|name| (*name).to_owned());
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
