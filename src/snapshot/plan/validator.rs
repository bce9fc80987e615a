//! What an edit would break.

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

/// Compiles rows before they are written: what would not compile then and does now is a problem, with its flags. What is
/// broken already may stay so, and may be repaired.
///
/// Two edits at once, each sound by itself, can break a row together, such as one that removes an activation and one that
/// refers to it. Its flags answer by their fail mode then (R6).
#[derive(Clone, Debug)]
pub struct Validator {
    registry: Arc<Registry>,
}

impl Validator {
    /// With these activation types, such as [`Registry::global`].
    #[must_use]
    pub fn new(registry: Registry) -> Self {
        Self::of(Arc::new(registry))
    }

    pub(crate) fn of(registry: Arc<Registry>) -> Self {
        Self { registry }
    }

    /// What an edit would do to these rows. The versions that it expects are not looked at.
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

    /// Neither overrides nor what the features of one program know decide what may stand in the rows.
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

/// The issues that were not there, or that break flags which they did not break.
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
