//! Rollback plans: the changes that lead back to an earlier state, validated before they are written.

use std::collections::BTreeSet;

use crate::{
    context::Context,
    error::{Error, Result},
    flags::Flags,
    rows::{
        Rows,
        violation::{RowRef, ViolationKind},
    },
    snapshot::{Side, Snapshot, caused},
    store::{
        Change, Edit, Expected, RowKey,
        history::{Scope, rollback},
    },
};

/// The changes that restore an earlier state of the rows.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RollbackPlan {
    /// The changes, in the order in which they must be made. Empty if nothing has changed.
    pub changes: Vec<Change>,
    /// The versions of the current rows that they change. If one of them differs, the plan is outdated.
    pub expected: Vec<Expected>,
    /// The rows after the changes.
    pub after: Rows,
}

impl RollbackPlan {
    /// The changes as an edit, which fails with a conflict if one of the rows has changed since.
    pub fn edit(&self) -> Edit {
        let edit = Edit::new(self.changes.iter().cloned());
        self.expected.iter().fold(edit, |edit, seen| edit.expect(seen.row.clone(), seen.version))
    }
}

impl Flags {
    /// Plans the changes from the `present` rows back to the `past` ones, either of all rows or of one flag
    /// and the activations that it depends on. The flag may have been deleted or renamed since. If another flag
    /// has its id by now, it is restored under a new one. Writes nothing.
    ///
    /// # Errors
    /// [`Error::FlagNotFound`] if neither state has a flag of this name, [`Error::Constraint`] if the changes
    /// violate a constraint, and [`Error::Invalid`] if they would make a row invalid that is valid in both
    /// states.
    pub fn plan_rollback(&self, present: &Rows, past: &Rows, flag: Option<&str>) -> Result<RollbackPlan> {
        let moved = flag.and_then(|name| with_free_id(name, present, past));
        let past = moved.as_ref().unwrap_or(past);
        let (now, then) = (self.snapshot_of(present.clone()), self.snapshot_of(past.clone()));
        let scope = flag.map(|name| scope(name, (present, &now), (past, &then))).transpose()?;
        let changes = rollback(present, past, scope.as_ref())?;
        let after = Edit::new(changes.iter().cloned()).after(present.clone())?;
        let restored = self.snapshot_of(after.clone());
        let restored = Side::new(&after, &restored);
        let mut broken = caused(&Side::new(present, &now), &restored);
        if !broken.is_empty() {
            let other = caused(&Side::new(past, &then), &restored);
            broken.retain(|issue| other.contains(issue));
        }
        if !broken.is_empty() {
            return Err(Error::Invalid(broken));
        }
        let expected = versions(present, &changes);
        Ok(RollbackPlan { changes, expected, after })
    }
}

/// The past rows with another id for the flag of this name, if a flag that was made since has its id.
fn with_free_id(name: &str, present: &Rows, past: &Rows) -> Option<Rows> {
    let then = past.flags.iter().find(|row| row.name == name)?;
    let now = present.flags.iter().find(|row| row.id == then.id && row.name != name)?;
    if now.metadata.created_at? == then.metadata.created_at? {
        // It was renamed.
        return None;
    }
    let again = present.flags.iter().find(|row| row.name == name).map(|row| row.id);
    let known = present.highest_ids().max(past.highest_ids()).flags;
    let (old, new) = (then.id, again.or_else(|| known.checked_add(1))?);
    let mut rows = past.clone();
    // The flag that had the new id then, if any, is another one, and is not rolled back.
    rows.flags.retain(|row| row.id != new);
    rows.links.retain(|link| link.flag_id != Some(new));
    rows.flags.iter_mut().filter(|row| row.id == old).for_each(|row| row.id = new);
    rows.links.iter_mut().filter(|link| link.flag_id == Some(old)).for_each(|link| link.flag_id = Some(new));
    rows.flags.sort_by_key(|row| row.id);
    rows.links.sort_by_key(|link| (link.flag_id, link.activation_id));
    Some(rows)
}

/// The versions of the current rows that the changes concern.
fn versions(present: &Rows, changes: &[Change]) -> Vec<Expected> {
    let (mut flags, mut activations) = (BTreeSet::new(), BTreeSet::new());
    for change in changes {
        match change {
            Change::SetStatus { flag, .. } => {
                flags.extend(present.flags.iter().find(|row| row.name == *flag).map(|row| row.id));
            }
            Change::RenameFlag { id, .. }
            | Change::DeleteFlag { id }
            | Change::SetMetadata { flag_id: id, .. } => {
                flags.insert(*id);
            }
            Change::Link(link) | Change::Unlink(link) => flags.extend(link.flag_id),
            Change::UpdateActivation(row) => {
                activations.insert(row.id);
            }
            Change::DeleteActivation { id } | Change::DeleteMember { activation_id: id, .. } => {
                activations.insert(*id);
            }
            Change::InsertMember(row) => {
                activations.insert(row.activation_id);
            }
            Change::InsertFlag(_) | Change::InsertActivation(_) => (),
        }
    }
    let of_flags = present.flags.iter().filter(|row| flags.contains(&row.id));
    let of_flags = of_flags.map(|row| (RowKey::FlagId(row.id), row.metadata.row_version));
    let of_activations = present.activations.iter().filter(|row| activations.contains(&row.id));
    let of_activations = of_activations.map(|row| (RowKey::Activation(row.id), row.row_version));
    of_flags.chain(of_activations).map(|(row, version)| Expected { row, version }).collect()
}

/// The flags with this name now and then, with the activations that they depend on.
fn scope(name: &str, now: (&Rows, &Snapshot), then: (&Rows, &Snapshot)) -> Result<Scope> {
    let named = |rows: &Rows| rows.flags.iter().find(|row| row.name == name).map(|row| row.id);
    let flags: BTreeSet<i64> = named(now.0).into_iter().chain(named(then.0)).collect();
    if flags.is_empty() {
        // Fails with a suggestion.
        now.1.evaluate(name, &Context::new())?;
        return Err(Error::FlagNotFound { name: name.to_owned(), similar: None });
    }
    if let Some(other) =
        now.0.flags.iter().find(|row| flags.len() > 1 && flags.contains(&row.id) && row.name != name)
    {
        let row = RowRef::flag(named(now.0).unwrap_or_default(), name);
        let message = format!(
            "flags#{} had this name then, and is {:?} now: delete or rename {row} first",
            other.id, other.name
        );
        return Err(Error::Constraint(vec![row.violation(ViolationKind::Rollback, message)]));
    }
    // A flag may have another name in the other state.
    let reached = |(rows, snapshot): (&Rows, &Snapshot)| {
        let rows = rows.flags.iter().filter(|row| flags.contains(&row.id));
        rows.flat_map(|row| snapshot.reached_by(&row.name)).collect::<Vec<_>>()
    };
    let activations = reached(now).into_iter().chain(reached(then)).collect();
    Ok(Scope { flags, activations })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        rows::{FlagRow, LinkRow},
        store::{MemoryStore, ReadStore as _, WriteStore as _},
    };

    #[tokio::test]
    async fn rollback_conflicts_only_with_changes_of_its_own_rows() {
        let flag = |id, name: &str, status| FlagRow::new(id, name, status);
        let activations = vec![crate::rows::ActivationRow::new(7, "all", "acme.any", "{}")];
        let past = Rows {
            flags: vec![flag(1, "one", true), flag(2, "two", true)],
            activations,
            links: vec![LinkRow::new(1, 7)],
            ..Rows::default()
        };
        let store = MemoryStore::new(past.clone());
        let off = |name: &str| Change::SetStatus { flag: name.to_owned(), status: false };
        store.apply(vec![off("one"), Change::Unlink(LinkRow::new(1, 7))]).await.unwrap();
        let present = store.load().await.unwrap();
        let way = Flags::from_rows(Rows::default()).unwrap().plan_rollback(&present, &past, None).unwrap();
        let version = present.flags[0].metadata.row_version;
        assert_eq!(way.expected, [Expected { row: RowKey::FlagId(1), version }]);
        assert!(way.after.flags[0].status && way.after.links == past.links);
        // Other rows may change.
        store.apply(vec![off("two")]).await.unwrap();
        store.commit(way.edit()).await.unwrap();
        assert!(store.load().await.unwrap().flags[0].status);
        store.apply(vec![off("one")]).await.unwrap();
        let error = store.commit(way.edit()).await.unwrap_err();
        assert!(matches!(error, Error::Conflict(_)), "{error}");
    }

    #[tokio::test]
    async fn flag_that_was_made_again_is_rolled_back_to_the_one_before() {
        let flags = Flags::from_rows(Rows::default()).unwrap();
        let rows = |flags: Vec<FlagRow>, links: Vec<LinkRow>| {
            let activations = vec![crate::rows::ActivationRow::new(7, "all", "acme.any", "{}")];
            Rows { flags, activations, links, ..Rows::default() }
        };
        let past = rows(vec![FlagRow::new(3, "sale", true)], vec![LinkRow::new(3, 7)]);
        let present = rows(vec![FlagRow::new(8, "sale", false)], Vec::new());
        let way = flags.plan_rollback(&present, &past, Some("sale")).unwrap();
        let summary = |rows: &Rows| {
            let flags: Vec<_> = rows.flags.iter().map(|row| (row.id, row.name.clone(), row.status)).collect();
            (flags, rows.links.clone())
        };
        assert_eq!(summary(&way.after), summary(&past));
        let again = flags.plan_rollback(&way.after, &past, Some("sale")).unwrap();
        assert_eq!(again.changes, []);

        // The earlier flag is still there, under another name.
        let present =
            rows(vec![FlagRow::new(3, "old sale", true), FlagRow::new(8, "sale", false)], Vec::new());
        let error = flags.plan_rollback(&present, &past, Some("sale")).unwrap_err();
        let told =
            "flags#3 had this name then, and is \"old sale\" now: delete or rename flags#8 \"sale\" first";
        assert!(error.to_string().contains(told), "{error}");
    }
}
