//! Rows in memory: for tests, and for programs whose rows come from elsewhere.

use std::sync::{PoisonError, RwLock};

use crate::{
    error::Result,
    rows::{Revision, Rows},
    store::{
        apply,
        edit::{Edit, RowKey},
        future::BoxFuture,
        read::ReadStore,
        write::WriteStore,
    },
};

/// Rows in memory, with the constraints of the SQL tables: unique names, links between rows that exist.
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
    /// A store with these rows; they are not validated.
    #[must_use]
    pub fn new(mut rows: Rows) -> Self {
        apply::sort(&mut rows);
        Self { rows: RwLock::new(rows) }
    }

    fn present(&self) -> Rows {
        // A change replaces the rows as a whole, so a panic elsewhere cannot leave half of one.
        self.rows.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, edit: &Edit) -> Result<Revision> {
        let mut present = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        compare(&present, edit)?;
        if edit.changes.is_empty() {
            return Ok(present.revision);
        }
        let mut rows = edit.after(present.clone())?;
        rows.revision = Revision::new(rows.revision.number().wrapping_add(1));
        let revision = rows.revision;
        *present = rows;
        Ok(revision)
    }
}

/// Compares the versions of rows with what the edit expects.
fn compare(rows: &Rows, edit: &Edit) -> Result<()> {
    edit.compare_revision(rows.revision.number())?;
    for expected in edit.expected_in_order() {
        let flag = match &expected.row {
            RowKey::Activation(id) => {
                let found = rows.activations.iter().find(|row| row.id == *id);
                let found = found.ok_or_else(|| edit.missing(expected))?;
                edit.compare_activation(expected.version, found)?;
                continue;
            }
            RowKey::Flag(name) => rows.flags.iter().find(|row| row.name == *name),
            RowKey::FlagId(id) => rows.flags.iter().find(|row| row.id == *id),
        };
        let flag = flag.ok_or_else(|| edit.missing(expected))?;
        let links = rows.links.iter().filter(|link| link.flag_id == Some(flag.id));
        let activations: Vec<_> = links.filter_map(|link| link.activation_id).collect();
        edit.compare_flag(expected.version, flag, &activations)?;
    }
    Ok(())
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
    fn commit(&self, edit: Edit) -> BoxFuture<'_, Result<Revision>> {
        Box::pin(async move { self.change(&edit) })
    }
}
