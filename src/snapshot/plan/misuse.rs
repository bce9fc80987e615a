//! Uses of activations that are no conditions, such as metrics.

use std::collections::{HashMap, HashSet};

use crate::{
    activation::{references, registry::Registry},
    rows::{ActivationRow, Rows, issue::Issue},
};

/// The links and references to activations that are no conditions, and that did not exist before: the flags would be
/// off for everybody.
pub(super) fn misused(registry: &Registry, before: &Rows, after: &Rows) -> Vec<Issue> {
    let described = described(registry, after);
    if described.is_empty() {
        return Vec::new();
    }
    let known = self::described(registry, before);
    let links: HashSet<_> = before.links.iter().collect();
    let mut issues = Vec::new();
    for link in &after.links {
        let Some((id, row)) = link.activation_id.and_then(|id| Some((id, *described.get(&id)?))) else {
            continue;
        };
        if known.contains_key(&id) && links.contains(link) {
            continue;
        }
        let flag = after.flags.iter().find(|flag| Some(flag.id) == link.flag_id);
        issues.push(Issue {
            table: "flags_activations",
            id: link.flag_id,
            name: flag.map(|flag| flag.name.clone()).unwrap_or_default(),
            path: "activation_id".to_owned(),
            message: message(row),
            flags: Vec::new(),
            warning: false,
        });
    }
    let rows: HashMap<i64, &ActivationRow> = before.activations.iter().map(|row| (row.id, row)).collect();
    for row in &after.activations {
        let was = rows.get(&row.id);
        let is_same = was.is_some_and(|was| was.class_name == row.class_name && was.config == row.config);
        // Other rows are compiled again only if a condition has become something else.
        if is_same && described.keys().all(|id| known.contains_key(id)) {
            continue;
        }
        for reference in references(registry, &row.class_name, row.config.as_deref()) {
            let Some(target) = described.get(&reference.id) else { continue };
            if is_same && known.contains_key(&reference.id) {
                continue;
            }
            issues.push(Issue {
                table: "activations",
                id: Some(row.id),
                name: row.name.clone(),
                path: format!("config{}", reference.path),
                message: message(target),
                flags: Vec::new(),
                warning: false,
            });
        }
    }
    issues
}

/// The activations that are no conditions, by their ids.
fn described<'r>(registry: &Registry, rows: &'r Rows) -> HashMap<i64, &'r ActivationRow> {
    let is_described =
        |row: &&ActivationRow| registry.find(&row.class_name).is_some_and(|kind| !kind.is_condition());
    rows.activations.iter().filter(is_described).map(|row| (row.id, row)).collect()
}

fn message(row: &ActivationRow) -> String {
    format!(
        "expected a condition, found activations#{} {:?} of type {}, which is off for everybody",
        row.id, row.name, row.class_name
    )
}
