//! Finds the problems that an edit would cause.

use std::{collections::HashSet, sync::Arc};

use crate::{
    activation::{MissingFlags, registry::Registry},
    rows::{FlagMetadata, Rows, issue::Issue},
    snapshot::{
        Settings, Snapshot,
        plan::{self, Plan, Side, misuse::misused},
    },
    store::{Edit, Validate, sort},
};

/// Compiles rows before they are written. A row that would become invalid is a problem, reported with the
/// flags that it would break. Rows that are already invalid may stay so, and flags that are already broken
/// may stay broken.
///
/// Two concurrent edits that are valid on their own can break a row together, for example if one removes an
/// activation and the other refers to it. The affected flags then use their fail mode.
#[derive(Clone, Debug)]
pub struct Validator {
    registry: Arc<Registry>,
}

impl Validator {
    /// Uses the activation types of this registry, for example [`Registry::global`].
    #[must_use]
    pub fn new(registry: Registry) -> Self {
        Self::from_shared(Arc::new(registry))
    }

    pub(crate) fn from_shared(registry: Arc<Registry>) -> Self {
        Self { registry }
    }

    /// Returns what an edit would do to these rows. The row versions that the edit expects are ignored.
    #[must_use]
    pub fn plan(&self, mut before: Rows, edit: &Edit) -> Plan {
        sort(&mut before);
        let before = Arc::new(before);
        let (after, mut problems) = edit.after_with_problems(&before);
        let after = Arc::new(after);
        let (was, will_be) = (self.compile(&before), self.compile(&after));
        let (was, will_be) = (Side::new(&before, &was), Side::new(&after, &will_be));
        problems.extend(caused(&was, &will_be));
        problems.extend(misused(&self.registry, &before, &after));
        plan::compare(was, will_be, problems)
    }

    /// Uses default settings: overrides and the features of one program do not decide which rows are valid. Only
    /// flags that are missing break what refers to them: most are misspelled, or are about to be deleted.
    fn compile(&self, rows: &Arc<Rows>) -> Snapshot {
        let settings = Settings { missing_flags: MissingFlags::Issue, ..Settings::default() };
        Snapshot::compile(Arc::clone(rows), &self.registry, &settings, None)
    }
}

impl Validate for Validator {
    fn problems(&self, before: Arc<Rows>, after: Arc<Rows>) -> Vec<Issue> {
        let mut problems = misused(&self.registry, &before, &after);
        let will_be = self.compile(&after);
        if !will_be.issues().is_empty() {
            problems
                .extend(caused(&Side::new(&before, &self.compile(&before)), &Side::new(&after, &will_be)));
        }
        problems
    }
}

/// The issues that an edit causes: it breaks a flag or a row that was valid, or writes an invalid row.
///
/// Rows and flags are compared by id: in a message, a suggestion or a name may differ although nothing that
/// matters has changed.
pub(crate) fn caused(before: &Side<'_>, after: &Side<'_>) -> Vec<Issue> {
    if after.snapshot.issues().is_empty() {
        return Vec::new();
    }
    let known = before.snapshot.issues();
    let (was, is) = (before.flag_ids(), after.flag_ids());
    let broken_flags: HashSet<i64> = known
        .iter()
        .flat_map(|issue| &issue.flags)
        .filter_map(|name| was.get(name.as_str()).copied())
        .collect();
    // What depends on a broken row may lose a flag that it refers to. Any other edit has to leave valid rows.
    let spared =
        if adds_dependency(before.rows, after.rows) { HashSet::new() } else { before.broken_activations() };
    let is_caused = |issue: &&Issue| {
        let breaks = |flag: &String| is.get(flag.as_str()).is_none_or(|id| !broken_flags.contains(id));
        let is_same =
            |other: &Issue| (other.table, other.id, &other.path) == (issue.table, issue.id, &issue.path);
        if issue.flags.iter().any(breaks) {
            return true;
        }
        if is_written(issue, before.rows, after.rows) {
            return !known.iter().any(|other| is_same(other) && other.message == issue.message);
        }
        let was_broken = issue.table == "activations" && issue.id.is_some_and(|id| spared.contains(&id));
        !was_broken && !known.iter().any(is_same)
    };
    after.snapshot.issues().iter().filter(is_caused).cloned().collect()
}

/// Whether an edit changes activations, links a flag or turns one on.
fn adds_dependency(before: &Rows, after: &Rows) -> bool {
    let configs = |rows: &Rows| -> Vec<_> {
        rows.activations.iter().map(|row| (row.id, row.class_name.clone(), row.config.clone())).collect()
    };
    let links: HashSet<_> = before.links.iter().collect();
    let off: HashSet<_> = before.flags.iter().filter(|row| !row.status).map(|row| row.id).collect();
    configs(before) != configs(after)
        || after.links.iter().any(|link| !links.contains(link))
        || after.flags.iter().any(|row| row.status && off.contains(&row.id))
}

/// Whether the edit changes the columns of the row that an issue can be about.
fn is_written(issue: &Issue, before: &Rows, after: &Rows) -> bool {
    let Some(id) = issue.id else { return false };
    match issue.table {
        "activations" | "activation_members" => {
            let row = |rows: &Rows| {
                let found = rows.activations.iter().find(|row| row.id == id)?;
                Some((found.class_name.clone(), found.config.clone(), found.faults.clone()))
            };
            row(before) != row(after) || before.members_of(id) != after.members_of(id)
        }
        "flags_activations" => before.links_of(Some(id)) != after.links_of(Some(id)),
        _ => {
            let row = |rows: &Rows| {
                let found = rows.flags.iter().find(|row| row.id == id)?;
                let FlagMetadata { variants, default_variant, off_variant, metadata, .. } = &found.metadata;
                let texts = [variants, default_variant, off_variant, metadata].map(Clone::clone);
                Some((texts, found.metadata.value_type, found.faults.clone()))
            };
            row(before) != row(after)
        }
    }
}
