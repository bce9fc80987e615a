//! The rows that a patch is compiled from.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    rows::{ActivationRow, FlagRow, LinkRow, MemberRow, Revision, Rows},
    snapshot::MissingRows,
    store::{Delta, Selection},
};

/// The rows of the flags that are affected by changes, and of what they depend on. Kept from change to
/// change, so that a later one need not read them again.
#[derive(Default)]
pub(super) struct PartRows {
    flags: BTreeMap<i64, (FlagRow, Vec<LinkRow>)>,
    activations: BTreeMap<i64, (ActivationRow, Vec<MemberRow>)>,
    /// Activations that rows refer to as children.
    children: BTreeSet<i64>,
    /// Flags that rows refer to.
    names: BTreeSet<String>,
    /// Rows that were selected but do not exist.
    absent: Selection,
    /// Activations that are taken from a snapshot: only their names.
    stand_ins: BTreeMap<i64, ActivationRow>,
}

impl PartRows {
    /// Forgets rows that have changed.
    pub(super) fn forget(&mut self, changed: &Delta) {
        for id in &changed.flags {
            self.flags.remove(id);
            self.absent.flags.remove(id);
        }
        for id in &changed.activations {
            self.activations.remove(id);
            self.stand_ins.remove(id);
            self.absent.activations.remove(id);
        }
        self.absent.names.clear();
    }

    /// Adds what rows refer to. Returns `true` if anything was not added before.
    pub(super) fn add_missing(&mut self, missing: MissingRows) -> bool {
        let before = (self.children.len(), self.names.len());
        self.children.extend(missing.activations);
        self.names.extend(missing.flags);
        before != (self.children.len(), self.names.len())
    }

    /// The length of the configs that a patch is compiled from.
    pub(super) fn config_bytes(&self) -> usize {
        let configs = self.activations.values().filter_map(|(row, _)| row.config.as_deref());
        configs.map(str::len).sum()
    }

    /// Adds activations whose verdicts may change.
    pub(super) fn add_activations(&mut self, ids: &BTreeSet<i64>) {
        self.children.extend(ids);
    }

    /// The flags that are needed and not read yet.
    pub(super) fn flags_to_read(&self, affected: &BTreeSet<i64>) -> Selection {
        let is_new = |id: &&i64| !self.flags.contains_key(id) && !self.absent.flags.contains(id);
        let known: BTreeSet<&str> = self.flags.values().map(|(row, _)| row.name.as_str()).collect();
        let is_new_name =
            |name: &&String| !known.contains(name.as_str()) && !self.absent.names.contains(*name);
        Selection {
            flags: affected.iter().filter(is_new).copied().collect(),
            names: self.names.iter().filter(is_new_name).cloned().collect(),
            ..Selection::default()
        }
    }

    /// The activations to read, and those that a snapshot already has.
    pub(super) fn activations_to_read(
        &self,
        changed: &Delta,
        is_there: impl Fn(i64) -> bool,
    ) -> (Selection, BTreeSet<i64>) {
        let linked = self.flags.values().flat_map(|(_, links)| links).filter_map(|link| link.activation_id);
        let needed: BTreeSet<i64> =
            linked.chain(self.children.iter().copied()).chain(changed.activations.iter().copied()).collect();
        let (reused, built): (BTreeSet<i64>, BTreeSet<i64>) =
            needed.into_iter().partition(|id| is_there(*id));
        let is_new = |id: &i64| !self.activations.contains_key(id) && !self.absent.activations.contains(id);
        (
            Selection { activations: built.into_iter().filter(is_new).collect(), ..Selection::default() },
            reused,
        )
    }

    /// Keeps rows that were read.
    pub(super) fn add(&mut self, selection: &Selection, rows: Rows) {
        let Rows { flags, activations, links, members, .. } = rows;
        self.absent.flags.extend(&selection.flags);
        self.absent.names.extend(selection.names.iter().cloned());
        self.absent.activations.extend(&selection.activations);
        for row in flags {
            self.absent.flags.remove(&row.id);
            self.absent.names.remove(&row.name);
            self.flags.insert(row.id, (row, Vec::new()));
        }
        for link in links {
            if let Some((_, links)) = link.flag_id.and_then(|id| self.flags.get_mut(&id)) {
                links.push(link);
            }
        }
        for row in activations {
            self.absent.activations.remove(&row.id);
            self.activations.insert(row.id, (row, Vec::new()));
        }
        for member in members {
            if let Some((_, members)) = self.activations.get_mut(&member.activation_id) {
                members.push(member);
            }
        }
    }

    /// Keeps the names of an activation that is taken from a snapshot.
    pub(super) fn stand_in(&mut self, id: i64, name: &str, class_name: &str) {
        if !self.activations.contains_key(&id) && !self.stand_ins.contains_key(&id) {
            let row = ActivationRow { config: None, ..ActivationRow::new(id, name, class_name, "") };
            self.stand_ins.insert(id, row);
        }
    }

    /// The name of a flag that was read.
    pub(super) fn name_of(&self, id: i64) -> Option<&str> {
        self.flags.get(&id).map(|(row, _)| row.name.as_str())
    }

    /// All rows, as a snapshot is compiled from them. Without `all`, members of reused activations are left
    /// out: there may be a million.
    pub(super) fn put_together(&self, revision: Revision, reused: &BTreeSet<i64>, all: bool) -> Rows {
        let mut rows = Rows { revision, ..Rows::default() };
        for (row, links) in self.flags.values() {
            rows.flags.push(row.clone());
            rows.links.extend(links);
        }
        for (row, members) in self.activations.values() {
            rows.activations.push(row.clone());
            if all || !reused.contains(&row.id) {
                rows.members.extend(members.iter().cloned());
            }
        }
        let stands_in =
            |row: &&ActivationRow| reused.contains(&row.id) && !self.activations.contains_key(&row.id);
        rows.activations.extend(self.stand_ins.values().filter(stands_in).cloned());
        rows.activations.sort_by_key(|row| row.id);
        rows
    }
}
