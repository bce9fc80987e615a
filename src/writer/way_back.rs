//! The way back to a past state, tried before it is written.

use crate::{
    Error, Result,
    context::Context,
    flags::Flags,
    issue::Issue,
    rows::Rows,
    snapshot::Snapshot,
    store::{
        Change, Edit,
        history::{Scope, rollback},
    },
};

/// The changes that make rows what they were, and the rows that they lead to.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct WayBack {
    /// The changes, in the order in which they are to be made; none where the rows are as they were.
    pub changes: Vec<Change>,
    /// The rows after them.
    pub after: Rows,
}

impl Flags {
    /// The way from the present rows to those of the past, of one flag with the activations that it reaches if one is named:
    /// it may be gone, or have another name by now. Nothing is written.
    ///
    /// # Errors
    /// [`Error::FlagNotFound`] if neither has a flag of this name, [`Error::Refused`] if there is no way back, and
    /// [`Error::Invalid`] if it would break a row that is sound now, and was then.
    pub fn way_back(&self, present: &Rows, past: &Rows, flag: Option<&str>) -> Result<WayBack> {
        let (now, then) = (self.snapshot_of(present.clone()), self.snapshot_of(past.clone()));
        let scope = flag.map(|name| scope(name, (present, &now), (past, &then))).transpose()?;
        let changes = rollback(present, past, scope.as_ref())?;
        let after = Edit::new(changes.iter().cloned()).after(present.clone())?;
        let broken = self.broken_by(&now, &then, &after);
        if broken.is_empty() { Ok(WayBack { changes, after }) } else { Err(Error::Invalid(broken)) }
    }

    /// What would be wrong afterwards, and neither is now nor was then.
    fn broken_by(&self, now: &Snapshot, then: &Snapshot, after: &Rows) -> Vec<Issue> {
        let after = self.snapshot_of(after.clone());
        let key = |issue: &Issue| (issue.table, issue.id, issue.path.clone(), issue.message.clone());
        let known: Vec<_> = now.issues().iter().chain(then.issues()).map(key).collect();
        after.issues().iter().filter(|issue| !known.contains(&key(issue))).cloned().collect()
    }
}

/// A flag that is there, or was then.
fn scope(name: &str, now: (&Rows, &Snapshot), then: (&Rows, &Snapshot)) -> Result<Scope> {
    let named = |rows: &Rows| rows.flags.iter().find(|row| row.name == name).map(|row| row.id);
    let Some(flag) = named(now.0).or_else(|| named(then.0)) else {
        // Says which name is like it.
        now.1.evaluate(name, &Context::new())?;
        return Err(Error::FlagNotFound { name: name.to_owned(), similar: None });
    };
    // It may have had another name.
    let reached = |(rows, snapshot): (&Rows, &Snapshot)| {
        let row = rows.flags.iter().find(|row| row.id == flag);
        row.map(|row| snapshot.reached_by(&row.name)).unwrap_or_default()
    };
    Ok(Scope { flag, activations: reached(now).into_iter().chain(reached(then)).collect() })
}
