//! What has changed since a snapshot was compiled.
//!
//! To compile 100,000 flags takes a hundred times as long as to read a change of one. So a snapshot of changed rows shares all
//! of an earlier one, its base, and has a small snapshot beside it: of the flags that the change may have given another
//! answer, with all that they need. A flag is looked for in there first. Its index follows those of the base.

#[cfg_attr(not(feature = "sql"), allow(dead_code, reason = "rows in memory are replaced as a whole"))]
pub(crate) mod reverse_index;

use std::{
    collections::{BTreeMap, BTreeSet},
    iter::FusedIterator,
    sync::{Arc, OnceLock},
};

use crate::{
    activation::{
        evaluation::{Node, PanicPolicy},
        registry::Registry,
    },
    context::overrides::Overrides,
    rows::{LinkRow, Rows, issue::Issue},
    snapshot::{
        Settings, Snapshot,
        compile::{
            Source,
            issues::sort,
            nodes::{Imports, Missing, index},
        },
    },
    store::Changed,
};

/// The part of a snapshot that differs from what it was made of.
pub(crate) struct Patch {
    pub(super) part: Snapshot,
    /// The flags of the base that are no more, or whose answer is that of the part; rising.
    gone: Box<[u32]>,
    /// How many flags of the base stand before each flag of the part.
    before: Box<[u32]>,
    changed: Changed,
    /// All rows, put together when they are first asked for.
    rows: OnceLock<Option<Rows>>,
}

/// What a patch is made of.
pub(crate) struct Change<'a> {
    /// The snapshot that was compiled as a whole.
    pub(crate) base: &'a Snapshot,
    /// The present one, which is the base or has a patch of it.
    pub(crate) previous: &'a Arc<Snapshot>,
    /// What is other than in the base.
    pub(crate) changed: &'a Changed,
    /// The ids of all flags that may answer otherwise than in the base; those of `changed` among them.
    pub(crate) affected: &'a BTreeSet<i64>,
    /// The rows of the affected flags and what they need, and those of the changed activations.
    pub(crate) rows: &'a Arc<Rows>,
    /// Activations of these rows that the base or the patch has, and which are taken from there.
    pub(crate) imports: &'a BTreeSet<i64>,
}

/// The flags of a change, compiled.
pub(crate) struct Part {
    snapshot: Snapshot,
    gone: Box<[u32]>,
}

impl Part {
    /// The ids of its flags, the affected ones and those that they ask.
    pub(crate) fn ids(&self) -> &[i64] {
        &self.snapshot.ids
    }
}

impl Change<'_> {
    /// Compiles what is affected; with it what rows refer to that is not among them, in which case that is to be read as
    /// well, unless the database has it not either.
    pub(crate) fn compile(&self, registry: &Registry, settings: &Settings) -> (Part, Missing) {
        let imports =
            Imports { part: self.previous.part(), base: self.base, changed: self.changed, ids: self.imports };
        let (part, missing) = Snapshot::compile_from(Source {
            rows: Arc::clone(self.rows),
            registry,
            settings,
            overrides: &self.overrides(&settings.overrides),
            previous: Some(self.previous),
            imports: Some(&imports),
        });
        let gone = self.gone(&part);
        (Part { snapshot: part, gone }, missing)
    }

    /// The snapshot after the change.
    pub(crate) fn apply(&self, part: Part) -> Snapshot {
        let Self { base, previous, rows, .. } = *self;
        let Part { snapshot: mut part, gone } = part;
        part.number_answers_after(previous, previous.leaving(&gone).into_iter());
        let place = |id: &i64| index(base.ids.partition_point(|known| known < id));
        let rest = part.flags.len() - part.ids.len();
        let behind = std::iter::repeat_n(index(base.flags.len()), rest);
        let before = part.ids.iter().map(place).chain(behind).collect();
        let mut snapshot = Snapshot { revision: rows.revision, serial: 0, ..base.clone() };
        snapshot.issues = self.issues(&part, &gone).into();
        let changed = self.changed.clone();
        // Rows that are kept have a revision of their own.
        let is_empty = part.flags.is_empty() && gone.is_empty() && changed.is_empty() && base.rows.is_none();
        let patch = Patch { part, gone, before, changed, rows: OnceLock::new() };
        snapshot.patch = (!is_empty).then(|| Arc::new(patch));
        snapshot
    }

    /// The overrides that answer for flags of the part, and for flags that only an override has. Those of the base's flags
    /// are compiled there.
    fn overrides(&self, all: &Overrides) -> Overrides {
        let in_part = |name: &str| self.rows.flags.iter().any(|row| row.name == name);
        let of_base = |name: &str| {
            let row = self.base.row_of(name);
            row.and_then(|row| self.base.ids.get(row)).is_some_and(|id| !self.affected.contains(id))
        };
        let here = all.iter().filter(|(name, _)| in_part(name) || !of_base(name));
        here.map(|(name, answer)| (name.clone(), answer.clone())).collect()
    }

    /// Whether the row of an issue is one of the part.
    fn was_compiled(&self, part: &Snapshot, issue: &Issue) -> bool {
        let Some(id) = issue.id else { return false };
        match issue.table {
            "flags" | "flag_metadata" | "flags_activations" => part.ids.binary_search(&id).is_ok(),
            _ => part.told.node_of(id).is_some() && !self.imports.contains(&id),
        }
    }

    fn gone(&self, part: &Snapshot) -> Box<[u32]> {
        let of_ids = self.affected.iter().filter_map(|id| self.base.flag_of_id(*id));
        // Flags that others ask are in the part as well, and those that only overrides have.
        let named = part.flag_names().filter_map(|name| self.base.find_index(name));
        let gone: BTreeSet<u32> = of_ids.chain(named).collect();
        gone.into_iter().collect()
    }

    /// What is wrong with the rows: with those of the part, and with the others as before.
    fn issues(&self, part: &Snapshot, gone: &[u32]) -> Vec<Issue> {
        let key = |issue: &Issue| {
            (issue.table, issue.id, issue.name.clone(), issue.path.clone(), issue.message.clone())
        };
        let mut issues: Vec<Issue> = part.issues.to_vec();
        if self.base.issues.is_empty() {
            return issues;
        }
        let names: BTreeSet<&str> = gone.iter().map(|index| self.base.name_of(*index)).collect();
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
        // Of a row that was compiled anew the part tells all there is to tell.
        issues.extend(others.into_values().filter(|issue| !self.was_compiled(part, issue)));
        sort(&mut issues);
        issues
    }
}

/// Whether the issue is one of a changed row.
fn is_of(changed: &Changed, issue: &Issue) -> bool {
    let Some(id) = issue.id else { return false };
    match issue.table {
        "flags" | "flag_metadata" | "flags_activations" => changed.flags.contains(&id),
        _ => changed.activations.contains(&id),
    }
}

impl Patch {
    /// Whether a flag of the base is no more, or another one.
    #[inline]
    pub(super) fn is_gone(&self, index: u32) -> bool {
        self.gone.binary_search(&index).is_ok()
    }

    /// The same with another part.
    pub(super) fn with(&self, part: Snapshot) -> Self {
        let (gone, before, changed) = (self.gone.clone(), self.before.clone(), self.changed.clone());
        Self { part, gone, before, changed, rows: OnceLock::new() }
    }

    /// The row, in the order of ids, of the flag with this index.
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

    /// The rows of the base, with those that have changed.
    fn merged(&self, base: &Rows, part: &Rows) -> Rows {
        let Changed { flags, activations, .. } = &self.changed;
        let is_new = |link: &LinkRow| link.flag_id.is_some_and(|id| flags.contains(&id));
        let mut rows = Rows { revision: part.revision, ..Rows::default() };
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
    /// The indices of all flags: those of the rows in the order of their ids, then those that only overrides have.
    pub(super) fn indices(&self) -> Indices<'_> {
        let patch = self.patch.as_deref();
        Indices {
            next: 0,
            end: index(self.flags.len()),
            gone: patch.map_or(&[], |patch| &patch.gone),
            before: patch.map_or(&[], |patch| &patch.before),
            in_part: 0,
        }
    }

    /// Above the largest index.
    pub(super) fn index_bound(&self) -> usize {
        self.flags.len() + self.patch.as_deref().map_or(0, |patch| patch.part.flags.len())
    }

    /// The flags of this snapshot, the base of a patch or one with another patch, that are not those of the base any more where
    /// these are gone.
    fn leaving(&self, gone: &[u32]) -> Vec<u32> {
        let patch = self.patch.as_deref();
        let here = gone.iter().copied().filter(|index| patch.is_none_or(|patch| !patch.is_gone(*index)));
        let bound = index(self.index_bound());
        here.chain(index(self.flags.len())..bound).collect()
    }

    /// The small snapshot of what has changed.
    pub(crate) fn part(&self) -> Option<&Self> {
        self.patch.as_deref().map(|patch| &patch.part)
    }

    /// The index of the flag whose row has this id; not looked for in a patch.
    pub(super) fn flag_of_id(&self, id: i64) -> Option<u32> {
        let place = self.ids.partition_point(|known| *known < id);
        (self.ids.get(place) == Some(&id)).then(|| index(place))
    }

    /// The node of an activation that needs nothing but itself and is sound, so that another snapshot can have it as it is.
    pub(crate) fn importable(&self, id: i64) -> Option<&Node> {
        let place = self.told.node_of(id)?;
        let is_wrong = |issue: &Issue| issue.table.starts_with("activation") && issue.id == Some(id);
        let node = self.around.nodes.get(place as usize)?;
        let is_alone = self.graph.of(place).is_empty() && matches!(node.panic_policy, PanicPolicy::Trusted);
        // Those that assign variants have the numbers that the names have here.
        (is_alone && !node.assigns && !self.issues.iter().any(is_wrong)).then_some(node)
    }

    /// The name and the class name of an activation's row.
    pub(crate) fn activation_names(&self, id: i64) -> Option<(&str, &str)> {
        let node = self.told.node_of(id)?;
        Some((self.told.name_of(node, &self.around.texts)?, self.told.class_of(node)))
    }
}

/// Goes through the flags of a snapshot in order.
pub(super) struct Indices<'a> {
    next: u32,
    end: u32,
    gone: &'a [u32],
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
            match self.gone.split_first() {
                Some((first, rest)) if *first == index => self.gone = rest,
                _ => return Some(index),
            }
        }
    }
}

impl FusedIterator for Indices<'_> {}
