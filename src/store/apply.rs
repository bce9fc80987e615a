//! Changes of rows in memory, by the rules of the SQL tables: unique names, links between rows that are
//! there.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

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
    // Indexes are built when they are first needed, and every change takes about the same time, however many rows
    // there are.
    flags: Table<FlagRow>,
    names: Option<HashMap<String, i64>>,
    activations: Table<ActivationRow>,
    rows: Rows,
    links: Option<Links>,
    /// The position of each member.
    members: Option<BTreeMap<(i64, String), usize>>,
    /// Links and members that are removed at the end.
    gone_links: HashSet<LinkRow>,
    gone_members: HashSet<usize>,
}

/// Rows by their ids. A deleted row leaves a gap.
#[derive(Debug)]
struct Table<T> {
    rows: Vec<Option<T>>,
    id: fn(&T) -> i64,
    /// The position of the first row with each id.
    index: Option<HashMap<i64, usize>>,
}

impl<T> Table<T> {
    fn new(rows: Vec<T>, id: fn(&T) -> i64) -> Self {
        Self { rows: rows.into_iter().map(Some).collect(), id, index: None }
    }

    fn index(&mut self) -> &mut HashMap<i64, usize> {
        let (rows, id) = (&self.rows, self.id);
        self.index.get_or_insert_with(|| {
            let mut index = HashMap::with_capacity(rows.len());
            for (at, row) in rows.iter().enumerate() {
                if let Some(row) = row {
                    index.entry(id(row)).or_insert(at);
                }
            }
            index
        })
    }

    fn get_mut(&mut self, id: i64) -> Option<&mut T> {
        let at = self.index().get(&id).copied()?;
        self.rows.get_mut(at)?.as_mut()
    }

    fn contains(&mut self, id: i64) -> bool {
        self.index().contains_key(&id)
    }

    fn push(&mut self, row: T) {
        let (id, at) = ((self.id)(&row), self.rows.len());
        self.index().insert(id, at);
        self.rows.push(Some(row));
    }

    fn remove(&mut self, id: i64) -> Option<T> {
        let at = self.index().remove(&id)?;
        self.rows.get_mut(at)?.take()
    }

    fn into_rows(self) -> Vec<T> {
        self.rows.into_iter().flatten().collect()
    }
}

/// The links, by both ends.
#[derive(Debug, Default)]
struct Links {
    of_flag: HashMap<i64, HashSet<LinkRow>>,
    /// The flags that are linked to each activation.
    users: HashMap<i64, BTreeSet<Option<i64>>>,
}

impl Links {
    fn contains(&self, link: LinkRow) -> bool {
        let flag = link.flag_id.unwrap_or_default();
        self.of_flag.get(&flag).is_some_and(|links| links.contains(&link))
    }

    fn insert(&mut self, link: LinkRow) {
        if let Some(flag) = link.flag_id {
            self.of_flag.entry(flag).or_default().insert(link);
        }
        if let Some(activation) = link.activation_id {
            self.users.entry(activation).or_default().insert(link.flag_id);
        }
    }

    fn remove(&mut self, link: LinkRow) -> bool {
        let links = link.flag_id.and_then(|flag| self.of_flag.get_mut(&flag));
        let removed = links.is_some_and(|links| links.remove(&link));
        if removed {
            self.unuse(link);
        }
        removed
    }

    fn remove_flag(&mut self, id: i64) -> HashSet<LinkRow> {
        let links = self.of_flag.remove(&id).unwrap_or_default();
        for link in &links {
            self.unuse(*link);
        }
        links
    }

    fn unuse(&mut self, link: LinkRow) {
        if let Some(users) = link.activation_id.and_then(|activation| self.users.get_mut(&activation)) {
            users.remove(&link.flag_id);
        }
    }

    fn users(&self, activation: i64) -> Option<&BTreeSet<Option<i64>>> {
        self.users.get(&activation).filter(|users| !users.is_empty())
    }
}

impl EditedRows {
    /// Rows without changes so far.
    #[must_use]
    pub fn new(mut rows: Rows) -> Self {
        rows.used_ids = rows.highest_ids();
        Self {
            flags: Table::new(std::mem::take(&mut rows.flags), |row| row.id),
            names: None,
            activations: Table::new(std::mem::take(&mut rows.activations), |row| row.id),
            rows,
            links: None,
            members: None,
            gone_links: HashSet::new(),
            gone_members: HashSet::new(),
        }
    }

    /// The rows after all changes, sorted as stores return them.
    #[must_use]
    pub fn finish(self) -> Rows {
        let Self { flags, activations, mut rows, gone_links, gone_members, .. } = self;
        (rows.flags, rows.activations) = (flags.into_rows(), activations.into_rows());
        rows.links.retain(|link| !gone_links.contains(link));
        let mut at = 0..;
        rows.members.retain(|_| at.next().is_none_or(|at| !gone_members.contains(&at)));
        sort(&mut rows);
        rows
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
        let id = self.names().get(name).copied();
        let found = id.and_then(|id| self.flags.get_mut(id));
        found.map(|row| &*row).ok_or_else(|| Error::FlagNotFound { name: name.to_owned(), similar: None })
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
        let links = self.links().of_flag.get(&flag);
        links.into_iter().flatten().filter_map(|link| link.activation_id).collect()
    }

    /// The member of an activation with this value, if there is one.
    pub fn member(&mut self, activation: i64, member: &str) -> Option<&MemberRow> {
        let at = self.members().get(&(activation, member.to_owned())).copied()?;
        self.rows.members.get(at)
    }

    /// An id for a new flag: greater than those of all flags, deleted ones included. `None` if there is none.
    #[must_use]
    pub fn next_flag_id(&self) -> Option<i64> {
        self.rows.used_ids.flags.checked_add(1)
    }

    /// An id for a new activation: greater than those of all activations, deleted ones included. `None` if there is
    /// none.
    #[must_use]
    pub fn next_activation_id(&self) -> Option<i64> {
        self.rows.used_ids.activations.checked_add(1)
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

    fn names(&mut self) -> &mut HashMap<String, i64> {
        let rows = &self.flags.rows;
        self.names.get_or_insert_with(|| {
            let mut names = HashMap::with_capacity(rows.len());
            for row in rows.iter().flatten() {
                names.entry(row.name.clone()).or_insert(row.id);
            }
            names
        })
    }

    fn flag_mut(&mut self, id: i64) -> Result<&mut FlagRow> {
        self.flags.get_mut(id).ok_or_else(|| constraints::missing(RowRef::id("flags", id)).into())
    }

    fn activation_mut(&mut self, id: i64) -> Result<&mut ActivationRow> {
        let found = self.activations.get_mut(id);
        found.ok_or_else(|| constraints::missing(RowRef::id("activations", id)).into())
    }

    fn links(&mut self) -> &mut Links {
        let (rows, gone) = (&self.rows.links, &self.gone_links);
        self.links.get_or_insert_with(|| {
            let mut links = Links::default();
            for link in rows.iter().filter(|link| !gone.contains(link)) {
                links.insert(*link);
            }
            links
        })
    }

    fn members(&mut self) -> &mut BTreeMap<(i64, String), usize> {
        let rows = &self.rows.members;
        self.members.get_or_insert_with(|| {
            let mut members = BTreeMap::new();
            for (at, row) in rows.iter().enumerate() {
                members.entry((row.activation_id, row.member.clone())).or_insert(at);
            }
            members
        })
    }

    fn set_status(&mut self, flag: String, status: bool) -> Result<()> {
        let id = self.names().get(&flag).copied();
        let Some(known) = id.and_then(|id| self.flags.get_mut(id)) else {
            let known = self.flags.rows.iter().flatten().map(|row| row.name.as_str());
            let similar = most_similar(&flag, known).map(str::to_owned);
            return Err(Error::FlagNotFound { name: flag, similar });
        };
        let version = known.metadata.row_version;
        known.status = status;
        touch(known, version);
        Ok(())
    }

    fn insert_flag(&mut self, row: FlagRow) -> Result<()> {
        if self.flags.contains(row.id) {
            return rejected(constraints::taken_id(&RowRef::flag(row.id, &row.name)));
        }
        if let Some(other) = self.names().get(&row.name) {
            return rejected(constraints::taken_name(row.id, &row.name, *other));
        }
        let mut row = FlagRow { faults: Vec::new(), ..row };
        touch(&mut row, 0);
        row.metadata.created_at = row.metadata.updated_at;
        self.names().insert(row.name.clone(), row.id);
        self.rows.used_ids.flags = self.rows.used_ids.flags.max(row.id);
        self.flags.push(row);
        Ok(())
    }

    fn rename_flag(&mut self, id: i64, name: String) -> Result<()> {
        if let Some(other) = self.names().get(&name).filter(|other| **other != id) {
            return rejected(constraints::taken_name(id, &name, *other));
        }
        let known = self.flag_mut(id)?;
        let version = known.metadata.row_version;
        let old = std::mem::replace(&mut known.name, name.clone());
        touch(known, version);
        self.names().remove(&old);
        self.names().insert(name, id);
        Ok(())
    }

    fn delete_flag(&mut self, id: i64) -> Result<()> {
        let Some(row) = self.flags.remove(id) else {
            return rejected(constraints::missing(RowRef::id("flags", id)));
        };
        if self.names().get(&row.name) == Some(&id) {
            self.names().remove(&row.name);
        }
        let links = self.links().remove_flag(id);
        self.gone_links.extend(links);
        Ok(())
    }

    fn insert_activation(&mut self, row: ActivationRow) -> Result<()> {
        if self.activations.contains(row.id) {
            return rejected(constraints::taken_id(&RowRef::activation(row.id, &row.name)));
        }
        self.rows.used_ids.activations = self.rows.used_ids.activations.max(row.id);
        self.activations.push(ActivationRow { faults: Vec::new(), row_version: 1, ..row });
        Ok(())
    }

    fn update_activation(&mut self, row: ActivationRow) -> Result<()> {
        let known = self.activation_mut(row.id)?;
        let row_version = known.row_version.wrapping_add(1);
        *known = ActivationRow { faults: Vec::new(), row_version, ..row };
        Ok(())
    }

    fn delete_activation(&mut self, id: i64) -> Result<()> {
        if let Some(users) = self.links().users(id).cloned() {
            let flags = users.into_iter().flatten();
            let names: Vec<_> =
                flags.filter_map(|id| self.flags.get_mut(id).map(|row| row.name.clone())).collect();
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            return rejected(constraints::activation_in_use(id, &names));
        }
        if self.activations.remove(id).is_none() {
            return rejected(constraints::missing(RowRef::id("activations", id)));
        }
        let members = self.members();
        let keys: Vec<_> = members
            .range((id, String::new())..)
            .take_while(|((of, _), _)| *of == id)
            .map(|(key, _)| key.clone())
            .collect();
        let gone: Vec<usize> = keys.iter().filter_map(|key| members.remove(key)).collect();
        self.gone_members.extend(gone);
        Ok(())
    }

    fn insert_link(&mut self, link: LinkRow) -> Result<()> {
        let (flag, activation) = ends(link);
        if self.links().contains(link) {
            return rejected(constraints::duplicate_link(flag, activation));
        }
        if !self.flags.contains(flag) {
            return rejected(constraints::missing_flag(flag, activation));
        }
        if !self.activations.contains(activation) {
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
        if !self.links().remove(link) {
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
