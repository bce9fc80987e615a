//! Changes of rows in memory, by the rules of the SQL tables: unique names, links between rows that are
//! there.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::{
    error::{Error, Result},
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
    constraints::check(changes)?;
    let mut edited = EditedRows::new(rows);
    changes.iter().try_for_each(|change| edited.apply(change.clone()))?;
    Ok(edited.finish())
}

/// The rows after the valid changes, and the invalid changes with their errors.
pub(super) fn apply_valid(rows: Rows, changes: &[Change]) -> (Rows, Vec<(&Change, Error)>) {
    let mut edited = EditedRows::new(rows);
    let rejected = changes.iter().filter_map(|change| Some((change, edited.make(change).err()?))).collect();
    (edited.finish(), rejected)
}

/// Sorts rows in the order in which stores return them.
pub(crate) fn sort(rows: &mut Rows) {
    rows.flags.sort_by_key(|row| row.id);
    rows.activations.sort_by_key(|row| row.id);
    rows.links.sort_by_key(|link| (link.flag_id, link.activation_id));
    rows.members.sort_by(|a, b| (a.activation_id, &a.member).cmp(&(b.activation_id, &b.member)));
}

/// Rows in memory that are edited by the rules of the tables: what a store would do with the same changes.
///
/// ```
/// use novi::{rows::{FlagRow, Rows}, store::{Change, EditedRows}};
///
/// let mut edited = EditedRows::new(Rows { flags: vec![FlagRow::new(3, "Winter sale", true)], ..Rows::default() });
/// edited.make(&Change::RenameFlag { id: 3, name: "Summer sale".to_owned() })?;
/// assert!(edited.make(&Change::DeleteFlag { id: 4 }).is_err());
/// assert_eq!(edited.flag_named("Summer sale")?.id, 3);
/// # Ok::<(), novi::Error>(())
/// ```
#[derive(Debug)]
pub struct EditedRows {
    // Indexes are built when they are first needed, so that an edit of 100,000 members does not search all of
    // them for each.
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

impl EditedRows {
    /// Rows without changes so far.
    #[must_use]
    pub fn new(rows: Rows) -> Self {
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

    /// The rows after all changes, sorted as stores return them.
    #[must_use]
    pub fn finish(mut self) -> Rows {
        self.settle_links();
        self.settle_members();
        sort(&mut self.rows);
        self.rows
    }

    /// Makes a change, or nothing of it.
    ///
    /// # Errors
    /// [`Error::Constraint`] and [`Error::FlagNotFound`], as a store's.
    pub fn make(&mut self, change: &Change) -> Result<()> {
        constraints::check(std::slice::from_ref(change))?;
        self.apply(change.clone())
    }

    /// The flag with this id.
    ///
    /// # Errors
    /// [`Error::Constraint`] if there is none.
    pub fn flag(&mut self, id: i64) -> Result<&FlagRow> {
        self.flag_mut(id).map(|row| &*row)
    }

    /// The flag with this name.
    ///
    /// # Errors
    /// [`Error::FlagNotFound`]
    pub fn flag_named(&mut self, name: &str) -> Result<&FlagRow> {
        let at = self.index_of(name);
        let found = at.and_then(|at| self.rows.flags.get(at));
        found.ok_or_else(|| Error::FlagNotFound { name: name.to_owned(), similar: None })
    }

    /// The activation with this id.
    ///
    /// # Errors
    /// [`Error::Constraint`] if there is none.
    pub fn activation(&mut self, id: i64) -> Result<&ActivationRow> {
        self.activation_mut(id).map(|row| &*row)
    }

    /// The ids of the activations that a flag is linked to.
    pub fn links_of(&mut self, flag: i64) -> BTreeSet<i64> {
        let links = self.links().iter().filter(|link| link.flag_id == Some(flag));
        links.filter_map(|link| link.activation_id).collect()
    }

    /// The member of an activation with this value, if there is one.
    pub fn member(&mut self, activation: i64, member: &str) -> Option<&MemberRow> {
        let at = self.members().get(&(activation, member.to_owned())).copied()?;
        self.rows.members.get(at)
    }

    /// An id for a new flag: greater than those of all flags. `None` if there is none.
    #[must_use]
    pub fn next_flag_id(&self) -> Option<i64> {
        next_id(self.rows.flags.iter().map(|row| row.id))
    }

    /// An id for a new activation: greater than those of all activations. `None` if there is none.
    #[must_use]
    pub fn next_activation_id(&self) -> Option<i64> {
        next_id(self.rows.activations.iter().map(|row| row.id))
    }

    fn apply(&mut self, change: Change) -> Result<()> {
        match change {
            Change::SetStatus { flag, status } => self.set_status(flag, status),
            Change::InsertFlag(row) => self.insert_flag(row),
            Change::RenameFlag { id, name } => self.rename_flag(id, name),
            Change::InsertActivation(row) => self.insert_activation(row),
            Change::UpdateActivation(row) => self.update_activation(row),
            Change::Link(link) => self.insert_link(link),
            Change::Unlink(link) => self.delete_link(link),
            Change::SetMetadata { flag_id, metadata } => {
                let known = self.flag_mut(flag_id)?;
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

    fn index_of(&mut self, name: &str) -> Option<usize> {
        let rows = &self.rows.flags;
        self.names.get_or_insert_with(|| index(rows.iter().map(|row| row.name.clone()))).get(name).copied()
    }

    fn activation_at(&mut self, id: i64) -> Option<usize> {
        let rows = &self.rows.activations;
        self.activations.get_or_insert_with(|| index(rows.iter().map(|row| row.id))).get(&id).copied()
    }

    fn flag_mut(&mut self, id: i64) -> Result<&mut FlagRow> {
        let at = self.flag_at(id);
        let found = at.and_then(|at| self.rows.flags.get_mut(at));
        found.ok_or_else(|| constraints::missing(RowRef::id("flags", id)).into())
    }

    fn activation_mut(&mut self, id: i64) -> Result<&mut ActivationRow> {
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
        let at = self.index_of(&flag);
        let Some(known) = at.and_then(|at| self.rows.flags.get_mut(at)) else {
            return Err(Error::FlagNotFound { name: flag, similar: None });
        };
        let version = known.metadata.row_version;
        known.status = status;
        touch(known, version);
        Ok(())
    }

    fn insert_flag(&mut self, row: FlagRow) -> Result<()> {
        if self.flag_at(row.id).is_some() {
            return rejected(constraints::taken_id(&RowRef::flag(row.id, &row.name)));
        }
        if let Ok(other) = self.flag_named(&row.name) {
            return rejected(constraints::taken_name(row.id, &row.name, other.id));
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
        if let Ok(other) = self.flag_named(&name)
            && other.id != id
        {
            return rejected(constraints::taken_name(id, &name, other.id));
        }
        let known = self.flag_mut(id)?;
        let version = known.metadata.row_version;
        known.name = name;
        touch(known, version);
        self.names = None;
        Ok(())
    }

    fn delete_flag(&mut self, id: i64) -> Result<()> {
        self.flag_mut(id)?;
        self.settle_links();
        self.rows.flags.retain(|known| known.id != id);
        self.rows.links.retain(|link| link.flag_id != Some(id));
        (self.flags, self.names, self.links) = (None, None, None);
        Ok(())
    }

    fn insert_activation(&mut self, row: ActivationRow) -> Result<()> {
        if self.activation_at(row.id).is_some() {
            return rejected(constraints::taken_id(&RowRef::activation(row.id, &row.name)));
        }
        self.activations.get_or_insert_default().insert(row.id, self.rows.activations.len());
        self.rows.activations.push(ActivationRow { faults: Vec::new(), row_version: 1, ..row });
        Ok(())
    }

    fn update_activation(&mut self, row: ActivationRow) -> Result<()> {
        let known = self.activation_mut(row.id)?;
        let row_version = known.row_version.wrapping_add(1);
        *known = ActivationRow { faults: Vec::new(), row_version, ..row };
        Ok(())
    }

    fn delete_activation(&mut self, id: i64) -> Result<()> {
        self.settle_links();
        let linked: BTreeSet<_> = self
            .rows
            .links
            .iter()
            .filter(|link| link.activation_id == Some(id))
            .map(|link| link.flag_id)
            .collect();
        if !linked.is_empty() {
            let flags = self.rows.flags.iter().filter(|row| linked.contains(&Some(row.id)));
            let names: Vec<_> = flags.map(|row| row.name.as_str()).collect();
            return rejected(constraints::activation_in_use(id, &names));
        }
        self.activation_mut(id)?;
        self.settle_members();
        self.rows.activations.retain(|known| known.id != id);
        self.rows.members.retain(|known| known.activation_id != id);
        (self.activations, self.members) = (None, None);
        Ok(())
    }

    fn insert_link(&mut self, link: LinkRow) -> Result<()> {
        let (flag, activation) = ends(link);
        if self.links().contains(&link) {
            return rejected(constraints::duplicate_link(flag, activation));
        }
        if self.flag_at(flag).is_none() {
            return rejected(constraints::missing_flag(flag, activation));
        }
        if self.activation_at(activation).is_none() {
            return rejected(constraints::missing_linked(flag, activation));
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
            return rejected(constraints::missing_link(flag, activation));
        }
        self.gone_links.insert(link);
        self.touch_flag(flag);
        Ok(())
    }

    fn insert_member(&mut self, row: MemberRow) -> Result<()> {
        let (id, key) = (row.activation_id, (row.activation_id, row.member.clone()));
        if self.members().contains_key(&key) {
            return rejected(constraints::duplicate_member(id, &row.member));
        }
        let Ok(activation) = self.activation_mut(id) else {
            return rejected(constraints::missing_activation(id));
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
            return rejected(constraints::missing(RowRef::member(id, &key.1)));
        };
        self.gone_members.insert(at);
        // Adopted rows may have members of an activation that does not exist; then there is no version to
        // raise.
        if let Ok(known) = self.activation_mut(id) {
            known.row_version += 1;
        }
        Ok(())
    }

    /// The links of a flag are part of the flag.
    fn touch_flag(&mut self, id: i64) {
        if let Ok(known) = self.flag_mut(id) {
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

fn next_id(ids: impl Iterator<Item = i64>) -> Option<i64> {
    ids.max().unwrap_or_default().max(0).checked_add(1)
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

fn rejected<T>(violation: Violation) -> Result<T> {
    Err(violation.into())
}
