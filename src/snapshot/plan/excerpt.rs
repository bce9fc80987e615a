//! The rows that an edit concerns.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use crate::{
    activation::{MissingFlags, registry::Registry},
    rows::{MemberRow, Rows},
    snapshot::{Settings, Snapshot, compile::Source, patch::reverse_index::ReverseIndex},
    store::{Change, Delta, Edit},
};

/// More rounds of rows that new configs refer to are not followed.
const MOST_ROUNDS: usize = 8;

impl Snapshot {
    /// The rows that an edit changes, with all that depends on them and all that these depend on: planning and
    /// measuring the edit over them is the same as over all rows, and takes time by their number.
    ///
    /// `None` if only all rows will do: if the edit creates, renames or deletes a row, since other rows may refer to its
    /// name; if a row has an issue, since a message may name any flag; and if flags are overridden, since their
    /// activations are not in use. `settings` are those that the snapshot was compiled with.
    pub(crate) fn excerpt(&self, edit: &Edit, registry: &Registry, settings: &Settings) -> Option<Rows> {
        if !settings.overrides.is_empty() {
            return None;
        }
        let rows = self.rows()?;
        let changed = self.changed(rows, edit)?;
        let mut excerpt = Excerpt { snapshot: self, rows, ids: Ids::default() };
        let mut affected = ReverseIndex::new(self).affected(self, &changed);
        if let Some(part) = self.part() {
            let of_part = ReverseIndex::new(part).affected(part, &changed);
            affected.flags.extend(of_part.flags);
            affected.activations.extend(of_part.activations);
        }
        for id in affected.flags.iter().chain(&changed.flags) {
            excerpt.add_flag(*id);
        }
        for id in affected.activations.iter().chain(&changed.activations) {
            excerpt.add_activation(*id);
        }
        if excerpt.has_issues() {
            return None;
        }
        // Configs may refer to more rows: new ones, and those that decide for every caller, which have no node.
        let settings = Settings { missing_flags: MissingFlags::Issue, ..Settings::default() };
        for _ in 0..MOST_ROUNDS {
            let before = excerpt.rows();
            let (after, problems) = edit.after_with_problems(&before);
            let known = excerpt.ids.len();
            let mut is_valid = problems.is_empty();
            for rows in [before.clone(), after] {
                let (rows, overrides) = (Arc::new(rows), &settings.overrides);
                let source =
                    Source { rows, registry, settings: &settings, overrides, previous: None, reused: None };
                let (compiled, missing) = Self::compile_from(source);
                is_valid &= compiled.issues().is_empty();
                missing.activations.into_iter().for_each(|id| excerpt.add_activation(id));
                missing.flags.iter().for_each(|name| excerpt.add_named(name));
            }
            if excerpt.ids.len() == known {
                return is_valid.then_some(before);
            }
        }
        None
    }

    /// The rows that an edit changes; `None` if it creates, renames or deletes one, or if one does not exist.
    fn changed(&self, rows: &Rows, edit: &Edit) -> Option<Delta> {
        let mut changed = Delta::default();
        for change in &edit.changes {
            match change {
                Change::SetStatus { flag, .. } => {
                    changed.flags.insert(rows.flags.get(self.row_of(flag)?)?.id);
                }
                Change::SetMetadata { flag_id, .. } => {
                    changed.flags.insert(*flag_id);
                }
                Change::Link(link) | Change::Unlink(link) => {
                    changed.flags.insert(link.flag_id?);
                    // Its rows are needed, whether or not anything depends on it.
                    changed.activations.insert(link.activation_id?);
                }
                Change::UpdateActivation(row) => {
                    let place = rows.activations.binary_search_by_key(&row.id, |row| row.id).ok()?;
                    rows.activations.get(place).filter(|known| known.name == row.name)?;
                    changed.activations.insert(row.id);
                }
                Change::InsertMember(MemberRow { activation_id, .. })
                | Change::DeleteMember { activation_id, .. } => {
                    changed.activations.insert(*activation_id);
                }
                Change::InsertFlag(_)
                | Change::RenameFlag { .. }
                | Change::InsertActivation(_)
                | Change::DeleteFlag { .. }
                | Change::DeleteActivation { .. } => return None,
            }
        }
        Some(changed)
    }
}

/// Flags and activations, and all that they depend on.
struct Excerpt<'a> {
    snapshot: &'a Snapshot,
    rows: &'a Rows,
    ids: Ids,
}

#[derive(Default)]
struct Ids {
    flags: BTreeSet<i64>,
    activations: BTreeSet<i64>,
}

impl Ids {
    fn len(&self) -> usize {
        self.flags.len() + self.activations.len()
    }
}

/// A row that is to be added.
#[derive(Clone, Copy)]
enum Next {
    Flag(i64),
    Activation(i64),
}

impl Excerpt<'_> {
    /// Whether one of these rows has an issue, or is broken by one: what such a row refers to is not known.
    fn has_issues(&self) -> bool {
        let flag = |id: &i64| self.rows.flags.binary_search_by_key(id, |row| row.id).ok();
        let names = self.ids.flags.iter().filter_map(flag).filter_map(|place| self.rows.flags.get(place));
        let names: HashSet<&str> = names.map(|row| row.name.as_str()).collect();
        self.snapshot.issues().iter().any(|issue| {
            issue.flags.iter().any(|name| names.contains(name.as_str()))
                || issue.table == "activations"
                    && issue.id.is_some_and(|id| self.ids.activations.contains(&id))
        })
    }

    fn add_named(&mut self, name: &str) {
        let row = self.snapshot.row_of(name).and_then(|place| self.rows.flags.get(place));
        if let Some(row) = row {
            self.add(Next::Flag(row.id));
        }
    }

    fn add_flag(&mut self, id: i64) {
        self.add(Next::Flag(id));
    }

    fn add_activation(&mut self, id: i64) {
        self.add(Next::Activation(id));
    }

    fn add(&mut self, first: Next) {
        let mut stack = vec![first];
        while let Some(next) = stack.pop() {
            match next {
                Next::Flag(id) if self.rows.flags.binary_search_by_key(&id, |row| row.id).is_ok() => {
                    if self.ids.flags.insert(id) {
                        let links = self.rows.links_of(Some(id));
                        stack
                            .extend(links.iter().filter_map(|link| link.activation_id).map(Next::Activation));
                    }
                }
                Next::Activation(id)
                    if self.rows.activations.binary_search_by_key(&id, |row| row.id).is_ok() =>
                {
                    if self.ids.activations.insert(id) {
                        self.children(id, &mut stack);
                    }
                }
                Next::Flag(_) | Next::Activation(_) => {}
            }
        }
    }

    /// The rows that an activation refers to.
    fn children(&self, id: i64, found: &mut Vec<Next>) {
        // A row that has changed since the base was compiled is in the part.
        let of_part = self.snapshot.part().and_then(|part| Some((part, part.node_info.node_of(id)?)));
        let of_base = || Some((self.snapshot, self.snapshot.node_info.node_of(id)?));
        let Some((home, node)) = of_part.or_else(of_base) else { return };
        let mut seen = BTreeSet::new();
        let mut stack: Vec<u32> = home.graph.targets(node).to_vec();
        while let Some(node) = stack.pop() {
            if !seen.insert(node) {
                continue;
            }
            if let Some(name) = home.prerequisite_name(node) {
                let row = self.snapshot.row_of(name).and_then(|place| self.rows.flags.get(place));
                found.extend(row.map(|row| Next::Flag(row.id)));
            } else if let Some(id) = home.node_info.id_of(node) {
                found.push(Next::Activation(id));
            } else {
                // An inline activation.
                stack.extend(home.graph.targets(node));
            }
        }
    }

    fn rows(&self) -> Rows {
        let Ids { flags, activations } = &self.ids;
        let flag = |id: &i64| self.rows.flags.binary_search_by_key(id, |row| row.id).ok();
        let activation = |id: &i64| self.rows.activations.binary_search_by_key(id, |row| row.id).ok();
        Rows {
            revision: self.rows.revision,
            flags: flags.iter().filter_map(|id| self.rows.flags.get(flag(id)?).cloned()).collect(),
            activations: activations
                .iter()
                .filter_map(|id| self.rows.activations.get(activation(id)?).cloned())
                .collect(),
            links: flags.iter().flat_map(|id| self.rows.links_of(Some(*id)).iter().copied()).collect(),
            members: activations.iter().flat_map(|id| self.rows.members_of(*id).iter().cloned()).collect(),
            used_ids: self.rows.used_ids,
        }
    }
}
