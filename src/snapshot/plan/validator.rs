//! Finds the problems that an edit would cause.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use crate::{
    activation::registry::Registry,
    rows::{Rows, issue::Issue},
    snapshot::{
        Settings, Snapshot,
        plan::{self, Plan},
    },
    store::{Edit, Validate, sort},
};

/// Compiles rows before they are written. A row that would become invalid is a problem, reported with the
/// flags that it would break. Rows that are already invalid may stay so.
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
        problems.extend(new_issues(was.issues(), will_be.issues()));
        plan::compare(plan::Side::new(&before, &was), plan::Side::new(&after, &will_be), problems)
    }

    /// Uses default settings: overrides and the features of one program do not decide which rows are valid.
    fn compile(&self, rows: &Arc<Rows>) -> Snapshot {
        Snapshot::compile(Arc::clone(rows), &self.registry, &Settings::default(), None)
    }
}

impl Validate for Validator {
    fn problems(&self, before: Arc<Rows>, after: Arc<Rows>) -> Vec<Issue> {
        let after = self.compile(&after);
        if after.issues().is_empty() {
            return Vec::new();
        }
        new_issues(self.compile(&before).issues(), after.issues())
    }
}

/// The issues that are new, or that break more flags than before.
fn new_issues(before: &[Issue], after: &[Issue]) -> Vec<Issue> {
    let mut known: HashMap<_, BTreeSet<&String>> = HashMap::new();
    for issue in before {
        known.entry(key(issue)).or_default().extend(&issue.flags);
    }
    let is_new = |issue: &&Issue| match known.get(&key(issue)) {
        Some(flags) => issue.flags.iter().any(|flag| !flags.contains(flag)),
        None => true,
    };
    after.iter().filter(is_new).cloned().collect()
}

fn key(issue: &Issue) -> (&str, Option<i64>, &str, &str) {
    (issue.table, issue.id, &issue.path, &issue.message)
}
