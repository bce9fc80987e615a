//! Holdouts: shares of the users who get a variation of their own before other rules are evaluated.

use std::collections::BTreeMap;

use novi_files::Tree;

use super::{list, string};

/// The holdouts that are running.
#[derive(Debug)]
pub(super) struct Holdouts<'a> {
    /// Those before all rules of each flag, in order.
    pub(super) global: Vec<&'a Tree>,
    /// Those before one rule, by its id.
    local: BTreeMap<&'a str, Vec<&'a Tree>>,
}

impl<'a> Holdouts<'a> {
    pub(super) fn of(datafile: &'a Tree) -> Self {
        let running = |field| {
            list(datafile, field).iter().filter(|holdout| string(holdout, "status") == Some("Running"))
        };
        let mut local: BTreeMap<&str, Vec<&Tree>> = BTreeMap::new();
        for holdout in running("localHoldouts") {
            for rule in list(holdout, "includedRules").iter().filter_map(Tree::as_str) {
                local.entry(rule).or_default().push(holdout);
            }
        }
        Self { global: running("holdouts").collect(), local }
    }

    /// Those before a rule.
    pub(super) fn of_rule(&self, rule: &Tree) -> &[&'a Tree] {
        let id = string(rule, "id").unwrap_or_default();
        self.local.get(id).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Whether users of a holdout still get targeted deliveries.
pub(super) fn keeps_deliveries(holdout: &Tree) -> bool {
    holdout.get("excludeTargetedDeliveries") == Some(&Tree::Bool(true))
}
