//! Changes of rows in memory, by the rules of the SQL tables: unique names, links between rows that are
//! there.

use std::collections::{HashMap, HashSet};

use crate::{
    error::{Error, Result, suggest::most_similar},
    rows::{
        ActivationRow, FlagRow, LinkRow, MemberRow, Rows,
        violation::{RowRef, Violation},
    },
    store::{change::Change, constraints},
};

/// The rows after these changes.
///
/// # Errors
/// [`Error::FlagNotFound`] and [`Error::Constraint`] for the first change that breaks a rule of the tables.
pub(super) fn apply(rows: Rows, changes: &[Change]) -> Result<Rows> {
    changes.iter().try_for_each(constraints::check)?;
    let mut changing = Changing::new(rows);
    for change in changes {
        changing.make(change.clone())?;
    }
    Ok(changing.finish())
}

/// The rows after the valid changes, and the invalid changes with their errors.
pub(super) fn apply_valid(rows: Rows, changes: &[Change]) -> (Rows, Vec<(&Change, Error)>) {
    let mut changing = Changing::new(rows);
    let mut refused = Vec::new();
    for change in changes {
        if let Err(error) =
            constraints::check(change).map_err(Error::from).and_then(|()| changing.make(change.clone()))
        {
            refused.push((change, error));
        }
    }
    (changing.finish(), refused)
}

/// Sorts rows in the order in which stores return them.
pub(crate) fn sort(rows: &mut Rows) {
    rows.flags.sort_by_key(|row| row.id);
    rows.activations.sort_by_key(|row| row.id);
    rows.links.sort_by_key(|link| (link.flag_id, link.activation_id));
    rows.members.sort_by(|a, b| (a.activation_id, &a.member).cmp(&(b.activation_id, &b.member)));
}

/// Rows that are being changed. Indexes are built when they are first needed, so that an edit of 100,000
/// members does not search all of them for each.
struct Changing {
    rows: Rows,
    flags: Option<HashMap<i64, usize>>,
    names: Option<HashMap<String, usize>>,
    activations: Option<HashMap<i64, usize>>,
    links: Option<HashSet<LinkRow>>,
    members: Option<HashMap<(i64, String), usize>>,
    /// Links and members that are removed at the end.
    gone_links: HashSet<LinkRow>,
    gone_members: HashSet<usize>,
}

impl Changing {
    fn new(rows: Rows) -> Self {
        Self {
            rows,
            flags: None,
            names: None,
            activations: None,
            links: None,
            members: None,
            gone_links: HashSet::new(),
            gone_members: HashSet::new(),
        }
    }

    fn finish(mut self) -> Rows {
        self.settle_links();
        self.settle_members();
        sort(&mut self.rows);
        self.rows
    }

    fn make(&mut self, change: Change) -> Result<()> {
        match change {
            Change::SetStatus { flag, status } => self.set_status(flag, status),
            Change::InsertFlag(row) => self.insert_flag(row),
            Change::RenameFlag { id, name } => self.rename_flag(id, name),
            Change::InsertActivation(row) => self.insert_activation(row),
            Change::UpdateActivation(row) => self.update_activation(row),
            Change::Link(link) => self.insert_link(link),
            Change::Unlink(link) => self.delete_link(link),
            Change::SetMetadata { flag_id, metadata } => {
                let known = self.flag(flag_id)?;
                let (version, created) = (known.metadata.row_version, known.metadata.created_at);
                known.metadata = *metadata;
                known.metadata.created_at = created;
                touch(known, version);
                Ok(())
            }
            Change::DeleteFlag { id } => self.delete_flag(id),
            Change::DeleteActivation { id } => self.delete_activation(id),
            Change::InsertMember(row) => self.insert_member(row),
            Change::DeleteMember { activation_id, member } => self.delete_member(activation_id, member),
        }
    }

    fn flag_at(&mut self, id: i64) -> Option<usize> {
        let rows = &self.rows.flags;
        self.flags.get_or_insert_with(|| index(rows.iter().map(|row| row.id))).get(&id).copied()
    }

    fn flag_named(&mut self, name: &str) -> Option<usize> {
        let rows = &self.rows.flags;
        self.names.get_or_insert_with(|| index(rows.iter().map(|row| row.name.clone()))).get(name).copied()
    }

    fn activation_at(&mut self, id: i64) -> Option<usize> {
        let rows = &self.rows.activations;
        self.activations.get_or_insert_with(|| index(rows.iter().map(|row| row.id))).get(&id).copied()
    }

    fn flag(&mut self, id: i64) -> Result<&mut FlagRow> {
        let at = self.flag_at(id);
        let found = at.and_then(|at| self.rows.flags.get_mut(at));
        found.ok_or_else(|| constraints::missing(RowRef::id("flags", id)).into())
    }

    fn activation(&mut self, id: i64) -> Result<&mut ActivationRow> {
        let at = self.activation_at(id);
        let found = at.and_then(|at| self.rows.activations.get_mut(at));
        found.ok_or_else(|| constraints::missing(RowRef::id("activations", id)).into())
    }

    fn links(&mut self) -> &mut HashSet<LinkRow> {
        self.links.get_or_insert_with(|| self.rows.links.iter().copied().collect())
    }

    fn members(&mut self) -> &mut HashMap<(i64, String), usize> {
        let rows = &self.rows.members;
        self.members
            .get_or_insert_with(|| index(rows.iter().map(|row| (row.activation_id, row.member.clone()))))
    }

    fn set_status(&mut self, flag: String, status: bool) -> Result<()> {
        let at = self.flag_named(&flag);
        let Some(known) = at.and_then(|at| self.rows.flags.get_mut(at)) else {
            let names = self.rows.flags.iter().map(|flag| flag.name.as_str());
            let similar = most_similar(&flag, names).map(str::to_owned);
            return Err(Error::FlagNotFound { name: flag, similar });
        };
        let version = known.metadata.row_version;
        known.status = status;
        touch(known, version);
        Ok(())
    }

    fn insert_flag(&mut self, row: FlagRow) -> Result<()> {
        if self.flag_at(row.id).is_some() || self.flag_named(&row.name).is_some() {
            return refused(constraints::duplicate_flag(row.id, &row.name));
        }
        let mut row = FlagRow { faults: Vec::new(), ..row };
        touch(&mut row, 0);
        row.metadata.created_at = row.metadata.updated_at;
        let at = self.rows.flags.len();
        self.flags.get_or_insert_default().insert(row.id, at);
        self.names.get_or_insert_default().insert(row.name.clone(), at);
        self.rows.flags.push(row);
        Ok(())
    }

    fn rename_flag(&mut self, id: i64, name: String) -> Result<()> {
        let named = self.flag_named(&name);
        if named.is_some() && named != self.flag_at(id) {
            return refused(constraints::duplicate_flag(id, &name));
        }
        let known = self.flag(id)?;
        let version = known.metadata.row_version;
        known.name = name;
        touch(known, version);
        self.names = None;
        Ok(())
    }

    fn delete_flag(&mut self, id: i64) -> Result<()> {
        self.flag(id)?;
        self.settle_links();
        self.rows.flags.retain(|known| known.id != id);
        self.rows.links.retain(|link| link.flag_id != Some(id));
        (self.flags, self.names, self.links) = (None, None, None);
        Ok(())
    }

    fn insert_activation(&mut self, row: ActivationRow) -> Result<()> {
        if self.activation_at(row.id).is_some() {
            return refused(constraints::duplicate_activation(row.id, &row.name));
        }
        self.activations.get_or_insert_default().insert(row.id, self.rows.activations.len());
        self.rows.activations.push(ActivationRow { faults: Vec::new(), row_version: 1, ..row });
        Ok(())
    }

    fn update_activation(&mut self, row: ActivationRow) -> Result<()> {
        let known = self.activation(row.id)?;
        let row_version = known.row_version.wrapping_add(1);
        *known = ActivationRow { faults: Vec::new(), row_version, ..row };
        Ok(())
    }

    fn delete_activation(&mut self, id: i64) -> Result<()> {
        self.settle_links();
        if self.rows.links.iter().any(|link| link.activation_id == Some(id)) {
            return refused(constraints::activation_in_use(id));
        }
        self.activation(id)?;
        self.settle_members();
        self.rows.activations.retain(|known| known.id != id);
        self.rows.members.retain(|known| known.activation_id != id);
        (self.activations, self.members) = (None, None);
        Ok(())
    }

    fn insert_link(&mut self, link: LinkRow) -> Result<()> {
        let (flag, activation) = ends(link);
        if self.links().contains(&link) {
            return refused(constraints::duplicate_link(flag, activation));
        }
        if self.flag_at(flag).is_none() || self.activation_at(activation).is_none() {
            return refused(constraints::missing_end(flag, activation));
        }
        self.links().insert(link);
        if !self.gone_links.remove(&link) {
            self.rows.links.push(link);
        }
        self.touch_flag(flag);
        Ok(())
    }

    fn delete_link(&mut self, link: LinkRow) -> Result<()> {
        let (flag, activation) = ends(link);
        if !self.links().remove(&link) {
            return refused(constraints::missing(RowRef::link(flag, activation)));
        }
        self.gone_links.insert(link);
        self.touch_flag(flag);
        Ok(())
    }

    fn insert_member(&mut self, row: MemberRow) -> Result<()> {
        let (id, key) = (row.activation_id, (row.activation_id, row.member.clone()));
        if self.members().contains_key(&key) {
            return refused(constraints::duplicate_member(id, &row.member));
        }
        let Ok(activation) = self.activation(id) else {
            return refused(constraints::missing_activation(id));
        };
        activation.row_version += 1;
        let at = self.rows.members.len();
        self.members().insert(key, at);
        self.rows.members.push(MemberRow { fault: None, ..row });
        Ok(())
    }

    fn delete_member(&mut self, id: i64, member: String) -> Result<()> {
        let key = (id, member);
        let Some(at) = self.members().remove(&key) else {
            return refused(constraints::missing(RowRef::member(id, &key.1)));
        };
        self.gone_members.insert(at);
        // Adopted rows may have members of an activation that does not exist; then there is no version to
        // raise.
        if let Ok(known) = self.activation(id) {
            known.row_version += 1;
        }
        Ok(())
    }

    /// The links of a flag are part of the flag.
    fn touch_flag(&mut self, id: i64) {
        if let Ok(known) = self.flag(id) {
            let version = known.metadata.row_version;
            touch(known, version);
        }
    }

    fn settle_links(&mut self) {
        let gone = std::mem::take(&mut self.gone_links);
        if !gone.is_empty() {
            self.rows.links.retain(|link| !gone.contains(link));
        }
    }

    fn settle_members(&mut self) {
        let gone = std::mem::take(&mut self.gone_members);
        if !gone.is_empty() {
            let mut at = 0..;
            self.rows.members.retain(|_| at.next().is_none_or(|at| !gone.contains(&at)));
            self.members = None;
        }
    }
}

/// The position of the first row of each key.
fn index<K: std::hash::Hash + Eq>(keys: impl Iterator<Item = K>) -> HashMap<K, usize> {
    let mut index = HashMap::new();
    for (at, key) in keys.enumerate() {
        index.entry(key).or_insert(at);
    }
    index
}

/// Does what the triggers of the tables do.
fn touch(row: &mut FlagRow, version: i64) {
    row.metadata.row_version = version.wrapping_add(1);
    row.metadata.updated_at = Some(chrono::Utc::now());
}

/// Both ends; [`constraints::check`] has rejected links without one.
fn ends(link: LinkRow) -> (i64, i64) {
    (link.flag_id.unwrap_or_default(), link.activation_id.unwrap_or_default())
}

fn refused<T>(violation: Violation) -> Result<T> {
    Err(violation.into())
}
