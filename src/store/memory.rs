//! Rows in memory: for tests, and for programs that get their rows from elsewhere.

use std::sync::{PoisonError, RwLock};

use super::{BoxFuture, Change, ReadStore, WriteStore, refusal};
use crate::{
    Error, Result,
    rows::{ActivationRow, FlagRow, LinkRow, MemberRow, Revision, Rows},
};

/// Rows in memory, with the rules of the SQL tables: unique names, links between rows that are there.
///
/// ```
/// use novi::{rows::{FlagRow, Rows}, store::MemoryStore};
///
/// let store = MemoryStore::new(Rows { flags: vec![FlagRow::new(1, "Combo AND", true)], ..Rows::default() });
/// ```
#[derive(Debug, Default)]
pub struct MemoryStore {
    rows: RwLock<Rows>,
}

impl MemoryStore {
    /// A store of these rows, as they are.
    #[must_use]
    pub fn new(mut rows: Rows) -> Self {
        sort(&mut rows);
        Self { rows: RwLock::new(rows) }
    }

    fn present(&self) -> Rows {
        // A change replaces the rows as a whole, so that a panic elsewhere can not leave half of one.
        self.rows.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, changes: Vec<Change>) -> Result<Revision> {
        let mut present = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        if changes.is_empty() {
            return Ok(present.revision);
        }
        let mut rows = present.clone();
        for change in changes {
            refusal::check(&change)?;
            make(&mut rows, change)?;
        }
        sort(&mut rows);
        rows.revision = Revision::new(rows.revision.number().wrapping_add(1));
        let revision = rows.revision;
        *present = rows;
        Ok(revision)
    }
}

impl ReadStore for MemoryStore {
    fn name(&self) -> String {
        "memory".to_owned()
    }

    fn revision(&self) -> BoxFuture<'_, Result<Revision>> {
        let revision = self.rows.read().unwrap_or_else(PoisonError::into_inner).revision;
        Box::pin(std::future::ready(Ok(revision)))
    }

    fn load(&self) -> BoxFuture<'_, Result<Rows>> {
        Box::pin(std::future::ready(Ok(self.present())))
    }
}

impl WriteStore for MemoryStore {
    fn apply(&self, changes: Vec<Change>) -> BoxFuture<'_, Result<Revision>> {
        Box::pin(async move { self.change(changes) })
    }
}

fn sort(rows: &mut Rows) {
    rows.flags.sort_by_key(|row| row.id);
    rows.activations.sort_by_key(|row| row.id);
    rows.links.sort_by_key(|link| (link.flag_id, link.activation_id));
    rows.members.sort_by(|a, b| (a.activation_id, &a.member).cmp(&(b.activation_id, &b.member)));
}

fn make(rows: &mut Rows, change: Change) -> Result<()> {
    match change {
        Change::SetStatus { flag, status } => set_status(rows, flag, status),
        Change::InsertFlag(row) => insert_flag(rows, row),
        Change::RenameFlag { id, name } => rename_flag(rows, id, name),
        Change::InsertActivation(row) => insert_activation(rows, row),
        Change::UpdateActivation(row) => {
            let Some(known) = rows.activations.iter_mut().find(|known| known.id == row.id) else {
                return refused(refusal::no_such_row("activations", row.id));
            };
            *known = ActivationRow { faults: Vec::new(), ..row };
            Ok(())
        }
        Change::Link(link) => insert_link(rows, link),
        Change::Unlink(link) => {
            let before = rows.links.len();
            rows.links.retain(|known| *known != link);
            if rows.links.len() == before {
                let (flag, activation) = ends(link);
                return refused(refusal::no_such_link(flag, activation));
            }
            Ok(())
        }
        Change::SetMetadata { flag_id, metadata } => {
            let Some(known) = rows.flags.iter_mut().find(|known| known.id == flag_id) else {
                return refused(refusal::no_such_row("flags", flag_id));
            };
            let (version, created) = (known.metadata.row_version, known.metadata.created_at);
            known.metadata = *metadata;
            known.metadata.created_at = created;
            touch(known, version);
            Ok(())
        }
        Change::DeleteFlag { id } => {
            let before = rows.flags.len();
            rows.flags.retain(|known| known.id != id);
            rows.links.retain(|link| link.flag_id != Some(id));
            if rows.flags.len() == before {
                return refused(refusal::no_such_row("flags", id));
            }
            Ok(())
        }
        Change::DeleteActivation { id } => delete_activation(rows, id),
        Change::InsertMember(row) => insert_member(rows, row),
        Change::DeleteMember { activation_id, member } => {
            let before = rows.members.len();
            rows.members.retain(|known| known.activation_id != activation_id || known.member != member);
            if rows.members.len() == before {
                return refused(refusal::no_such_member(activation_id, &member));
            }
            Ok(())
        }
    }
}

fn set_status(rows: &mut Rows, flag: String, status: bool) -> Result<()> {
    let Some(known) = rows.flags.iter_mut().find(|known| known.name == flag) else {
        return Err(Error::FlagNotFound { name: flag, similar: None });
    };
    let version = known.metadata.row_version;
    known.status = status;
    touch(known, version);
    Ok(())
}

fn rename_flag(rows: &mut Rows, id: i64, name: String) -> Result<()> {
    if rows.flags.iter().any(|known| known.id != id && known.name == name) {
        return refused(refusal::flag_taken(id, &name));
    }
    let Some(known) = rows.flags.iter_mut().find(|known| known.id == id) else {
        return refused(refusal::no_such_row("flags", id));
    };
    let version = known.metadata.row_version;
    known.name = name;
    touch(known, version);
    Ok(())
}

fn insert_flag(rows: &mut Rows, row: FlagRow) -> Result<()> {
    if rows.flags.iter().any(|known| known.id == row.id || known.name == row.name) {
        return refused(refusal::flag_taken(row.id, &row.name));
    }
    let mut row = FlagRow { faults: Vec::new(), ..row };
    touch(&mut row, 0);
    row.metadata.created_at = row.metadata.updated_at;
    rows.flags.push(row);
    Ok(())
}

fn insert_activation(rows: &mut Rows, row: ActivationRow) -> Result<()> {
    if rows.activations.iter().any(|known| known.id == row.id) {
        return refused(refusal::activation_taken(row.id, &row.name));
    }
    rows.activations.push(ActivationRow { faults: Vec::new(), ..row });
    Ok(())
}

fn insert_link(rows: &mut Rows, link: LinkRow) -> Result<()> {
    let (flag, activation) = ends(link);
    if rows.links.contains(&link) {
        return refused(refusal::link_taken(flag, activation));
    }
    if !rows.flags.iter().any(|known| known.id == flag)
        || !rows.activations.iter().any(|known| known.id == activation)
    {
        return refused(refusal::link_ends(flag, activation));
    }
    rows.links.push(link);
    Ok(())
}

fn delete_activation(rows: &mut Rows, id: i64) -> Result<()> {
    if rows.links.iter().any(|link| link.activation_id == Some(id)) {
        return refused(refusal::activation_in_use(id));
    }
    let before = rows.activations.len();
    rows.activations.retain(|known| known.id != id);
    if rows.activations.len() == before {
        return refused(refusal::no_such_row("activations", id));
    }
    rows.members.retain(|known| known.activation_id != id);
    Ok(())
}

fn insert_member(rows: &mut Rows, row: MemberRow) -> Result<()> {
    let id = row.activation_id;
    if rows.members.iter().any(|known| known.activation_id == id && known.member == row.member) {
        return refused(refusal::member_taken(id, &row.member));
    }
    if !rows.activations.iter().any(|known| known.id == id) {
        return refused(refusal::no_such_row("activations", id));
    }
    rows.members.push(MemberRow { fault: None, ..row });
    Ok(())
}

/// What the tables' triggers do.
fn touch(row: &mut FlagRow, version: i64) {
    row.metadata.row_version = version.wrapping_add(1);
    row.metadata.updated_at = Some(chrono::Utc::now());
}

/// Both ends; [`refusal::check`] has seen that they are there.
fn ends(link: LinkRow) -> (i64, i64) {
    (link.flag_id.unwrap_or_default(), link.activation_id.unwrap_or_default())
}

fn refused<T>(sentence: String) -> Result<T> {
    Err(Error::Refused(sentence))
}
