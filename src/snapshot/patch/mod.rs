//! Patches: changes since a snapshot was compiled.
//!
//! Compiling 100,000 flags takes a hundred times as long as reading a change of one. A snapshot of changed
//! rows therefore shares everything with an earlier snapshot, its base, and adds a small snapshot, its part,
//! of the flags that the change affects and all that they depend on. Lookups search the part first. Indices
//! of its flags follow those of the base.

#[cfg_attr(not(feature = "sql"), allow(dead_code, reason = "rows in memory are replaced as a whole"))]
pub(crate) mod reverse_index;

use std::{
    collections::{BTreeMap, BTreeSet},
    iter::FusedIterator,
    sync::{Arc, OnceLock},
};

use crate::{
    activation::{
        evaluation::{Entry, Node},
        registry::Registry,
    },
    context::overrides::Overrides,
    rows::{LinkRow, Rows, UsedIds, issue::Issue},
    snapshot::{
        Settings, Snapshot,
        compile::{
            Source,
            ids::index,
            issues::sort,
            nodes::{MissingRows, ReusedNodes},
        },
    },
    store::Delta,
};

/// How a snapshot differs from its base.
pub(crate) struct Patch {
    pub(super) part: Snapshot,
    /// The flags of the base that were removed, or are replaced by a flag of the part; sorted.
    replaced: Box<[u32]>,
    /// For each flag of the part, the number of flags of the base that precede it.
    before: Box<[u32]>,
    changed: Delta,
    /// All rows, merged at first use.
    rows: OnceLock<Option<Rows>>,
}

/// The input of a patch.
pub(crate) struct PatchBuilder<'a> {
    /// The snapshot that was compiled from all rows.
    pub(crate) base: &'a Snapshot,
    /// The current snapshot: the base, or a snapshot with a patch of it.
    pub(crate) previous: &'a Arc<Snapshot>,
    /// The rows that differ from the base.
    pub(crate) changed: &'a Delta,
    /// The ids of all flags whose decisions may differ from the base, including those of `changed`.
    pub(crate) affected: &'a BTreeSet<i64>,
    /// The rows of the affected flags and all that they depend on, and of the changed activations.
    pub(crate) rows: &'a Arc<Rows>,
    /// The ids of activations in `rows` that are reused from the base or its patch.
    pub(crate) reused: &'a BTreeSet<i64>,
}

/// The compiled flags of a patch.
pub(crate) struct Part {
    snapshot: Snapshot,
    replaced: Box<[u32]>,
}

impl Part {
    /// The ids of its flags: the affected ones and those that they depend on.
    pub(crate) fn ids(&self) -> &[i64] {
        &self.snapshot.ids
    }
}

impl PatchBuilder<'_> {
    /// Compiles the affected flags. Also returns rows that are referred to but missing, which must then be
    /// read as well, unless the database does not have them either.
    pub(crate) fn compile(&self, registry: &Registry, settings: &Settings) -> (Part, MissingRows) {
        let reused = ReusedNodes {
            part: self.previous.part(),
            base: self.base,
            changed: self.changed,
            ids: self.reused,
        };
        let (part, missing) = Snapshot::compile_from(Source {
            rows: Arc::clone(self.rows),
            registry,
            settings,
            overrides: &self.overrides(&settings.overrides),
            previous: Some(self.previous),
            reused: Some(&reused),
        });
        let replaced = self.replaced(&part);
        (Part { snapshot: part, replaced }, missing)
    }

    /// The snapshot after the change.
    pub(crate) fn apply(&self, part: Part) -> Snapshot {
        let Self { base, previous, rows, .. } = *self;
        let Part { snapshot: mut part, replaced } = part;
        part.assign_numbers_after(previous, previous.flags_replaced_by(&replaced).into_iter());
        let position = |id: &i64| index(base.ids.partition_point(|known| known < id));
        let without_row = part.flags.len() - part.ids.len();
        let last = std::iter::repeat_n(index(base.flags.len()), without_row);
        let before = part.ids.iter().map(position).chain(last).collect();
        let mut snapshot = Snapshot { revision: rows.revision, serial: 0, ..base.clone() };
        snapshot.issues = self.issues(&part, &replaced).into();
        let changed = self.changed.clone();
        // Kept rows contain the revision, so they need a patch even if nothing else changed.
        let is_empty =
            part.flags.is_empty() && replaced.is_empty() && changed.is_empty() && base.rows.is_none();
        let patch = Patch { part, replaced, before, changed, rows: OnceLock::new() };
        snapshot.patch = (!is_empty).then(|| Arc::new(patch));
        snapshot
    }

    /// The overrides of flags in the part, and of flags without a row. Overrides of the base's flags are
    /// compiled there.
    fn overrides(&self, all: &Overrides) -> Overrides {
        let in_part = |name: &str| self.rows.flags.iter().any(|row| row.name == name);
        let of_base = |name: &str| {
            let row = self.base.row_of(name);
            row.and_then(|row| self.base.ids.get(row)).is_some_and(|id| !self.affected.contains(id))
        };
        let here = all.iter().filter(|(name, _)| in_part(name) || !of_base(name));
        here.map(|(name, answer)| (name.clone(), answer.clone())).collect()
    }

    /// Whether the row of an issue was compiled in the part.
    fn was_compiled(&self, part: &Snapshot, issue: &Issue) -> bool {
        let Some(id) = issue.id else { return false };
        match issue.table {
            "flags" | "flag_metadata" | "flags_activations" => part.ids.binary_search(&id).is_ok(),
            _ => part.node_info.node_of(id).is_some() && !self.reused.contains(&id),
        }
    }

    fn replaced(&self, part: &Snapshot) -> Box<[u32]> {
        let by_id = self.affected.iter().filter_map(|id| self.base.flag_of_id(*id));
        // The part also contains prerequisites of these flags, and flags without a row.
        let by_name = part.flag_names().filter_map(|name| self.base.find_index(name));
        let replaced: BTreeSet<u32> = by_id.chain(by_name).collect();
        replaced.into_iter().collect()
    }

    /// The issues of the part, and those of the base for all other rows.
    fn issues(&self, part: &Snapshot, replaced: &[u32]) -> Vec<Issue> {
        let key = |issue: &Issue| {
            (issue.table, issue.id, issue.name.clone(), issue.path.clone(), issue.message.clone())
        };
        let mut issues: Vec<Issue> = part.issues.to_vec();
        if self.base.issues.is_empty() {
            return issues;
        }
        let names: BTreeSet<&str> = replaced.iter().map(|index| self.base.name_of(*index)).collect();
        let mut others = BTreeMap::new();
        for issue in self.base.issues.iter().filter(|issue| !is_of(self.changed, issue)) {
            let mut other = issue.clone();
            other.flags.retain(|flag| !names.contains(flag.as_str()));
            others.insert(key(issue), other);
        }
        for issue in &mut issues {
            if let Some(same) = others.remove(&key(issue)) {
                issue.flags.extend(same.flags);
                issue.flags.sort_unstable();
                issue.flags.dedup();
            }
        }
        // The part has all issues of the rows that were compiled in it.
        issues.extend(others.into_values().filter(|issue| !self.was_compiled(part, issue)));
        sort(&mut issues);
        issues
    }
}

/// Whether the issue belongs to a changed row.
fn is_of(changed: &Delta, issue: &Issue) -> bool {
    let Some(id) = issue.id else { return false };
    match issue.table {
        "flags" | "flag_metadata" | "flags_activations" => changed.flags.contains(&id),
        _ => changed.activations.contains(&id),
    }
}

impl Patch {
    /// Whether a flag of the base was removed or replaced.
    #[inline]
    pub(super) fn replaces(&self, index: u32) -> bool {
        self.replaced.binary_search(&index).is_ok()
    }

    /// The same patch with another part.
    pub(super) fn with_part(&self, part: Snapshot) -> Self {
        let (replaced, before, changed) = (self.replaced.clone(), self.before.clone(), self.changed.clone());
        Self { part, replaced, before, changed, rows: OnceLock::new() }
    }

    /// The position of a flag's row among all rows in the order of their ids.
    pub(super) fn row_of(&self, base: &Snapshot, flag: u32) -> Option<usize> {
        let has_row = match (flag as usize).checked_sub(base.flags.len()) {
            Some(in_part) => in_part < self.part.ids.len(),
            None => (flag as usize) < base.ids.len(),
        };
        if !has_row {
            return None;
        }
        base.indices().position(|index| index == flag)
    }

    pub(super) fn rows(&self, base: &Snapshot) -> Option<&Rows> {
        self.rows
            .get_or_init(|| Some(self.merged(base.rows.as_deref()?, self.part.rows.as_deref()?)))
            .as_ref()
    }

    /// The rows of the base with the changed rows replaced.
    fn merged(&self, base: &Rows, part: &Rows) -> Rows {
        let Delta { flags, activations, .. } = &self.changed;
        let is_new = |link: &LinkRow| link.flag_id.is_some_and(|id| flags.contains(&id));
        let highest = |ids: &BTreeSet<i64>| ids.last().copied().unwrap_or_default();
        let changed = UsedIds { flags: highest(flags), activations: highest(activations) };
        let used_ids = base.highest_ids().max(changed);
        let mut rows = Rows { revision: part.revision, used_ids, ..Rows::default() };
        rows.flags.extend(base.flags.iter().filter(|row| !flags.contains(&row.id)).cloned());
        rows.flags.extend(part.flags.iter().filter(|row| flags.contains(&row.id)).cloned());
        rows.flags.sort_by_key(|row| row.id);
        rows.activations
            .extend(base.activations.iter().filter(|row| !activations.contains(&row.id)).cloned());
        rows.activations.extend(part.activations.iter().filter(|row| activations.contains(&row.id)).cloned());
        rows.activations.sort_by_key(|row| row.id);
        rows.links.extend(base.links.iter().filter(|link| !is_new(link)));
        rows.links.extend(part.links.iter().filter(|link| is_new(link)));
        rows.links.sort_by_key(|link| (link.flag_id, link.activation_id));
        let is_other = |id: &i64| activations.contains(id);
        rows.members.extend(base.members.iter().filter(|row| !is_other(&row.activation_id)).cloned());
        rows.members.extend(part.members.iter().filter(|row| is_other(&row.activation_id)).cloned());
        rows.members.sort_by_key(|row| row.activation_id);
        rows
    }
}

impl Snapshot {
    /// The indices of all flags: those with rows in the order of their ids, then those that exist only as
    /// overrides.
    pub(super) fn indices(&self) -> Indices<'_> {
        let patch = self.patch.as_deref();
        Indices {
            next: 0,
            end: index(self.flags.len()),
            replaced: patch.map_or(&[], |patch| &patch.replaced),
            before: patch.map_or(&[], |patch| &patch.before),
            in_part: 0,
        }
    }

    /// How many flags there are.
    #[must_use]
    pub fn flag_count(&self) -> usize {
        self.index_bound() - self.patch.as_deref().map_or(0, |patch| patch.replaced.len())
    }

    /// One more than the largest index.
    pub(super) fn index_bound(&self) -> usize {
        self.flags.len() + self.patch.as_deref().map_or(0, |patch| patch.part.flags.len())
    }

    /// The flags of this snapshot that a new patch replaces: flags of the base that this snapshot still uses,
    /// and all flags of its own patch.
    fn flags_replaced_by(&self, replaced: &[u32]) -> Vec<u32> {
        let patch = self.patch.as_deref();
        let in_use =
            replaced.iter().copied().filter(|index| patch.is_none_or(|patch| !patch.replaces(*index)));
        let bound = index(self.index_bound());
        in_use.chain(index(self.flags.len())..bound).collect()
    }

    /// The part of the patch, if there is a patch.
    pub(crate) fn part(&self) -> Option<&Self> {
        self.patch.as_deref().map(|patch| &patch.part)
    }

    /// The index of the flag whose row has this id, ignoring a patch.
    pub(super) fn flag_of_id(&self, id: i64) -> Option<u32> {
        let position = self.ids.partition_point(|known| *known < id);
        (self.ids.get(position) == Some(&id)).then(|| index(position))
    }

    /// The node of a valid activation without dependencies, which another snapshot can reuse.
    pub(crate) fn reusable_node(&self, id: i64) -> Option<&Node> {
        let position = self.node_info.node_of(id)?;
        let has_issue = |issue: &Issue| issue.table.starts_with("activation") && issue.id == Some(id);
        let node = self.around.nodes.get(position as usize)?;
        let is_alone = self.graph.targets(position).is_empty() && !matches!(node.entry, Entry::MayPanic(_));
        // Variant ids are specific to this snapshot.
        (is_alone && !node.properties.assigns() && !self.issues.iter().any(has_issue)).then_some(node)
    }

    /// The name and class name of an activation's row.
    pub(crate) fn activation_names(&self, id: i64) -> Option<(&str, &str)> {
        let node = self.node_info.node_of(id)?;
        Some((self.node_info.name_of(node, &self.around.texts)?, self.node_info.class_of(node)))
    }
}

/// Iterates over the indices of a snapshot's flags, in order.
pub(super) struct Indices<'a> {
    next: u32,
    end: u32,
    replaced: &'a [u32],
    before: &'a [u32],
    in_part: u32,
}

impl Iterator for Indices<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        loop {
            if let Some(before) = self.before.get(self.in_part as usize)
                && *before <= self.next
            {
                self.in_part += 1;
                return Some(self.end + self.in_part - 1);
            }
            if self.next == self.end {
                return None;
            }
            let index = self.next;
            self.next += 1;
            match self.replaced.split_first() {
                Some((first, rest)) if *first == index => self.replaced = rest,
                _ => return Some(index),
            }
        }
    }
}

impl FusedIterator for Indices<'_> {}
