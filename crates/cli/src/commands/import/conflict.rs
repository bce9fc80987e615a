//! Flags that an import would replace, though they are not its own.

use std::collections::{BTreeSet, HashMap, HashSet};

use novi::{
    snapshot::Effect,
    store::{
        SchemaStore,
        history::{Entity, HistoryQuery},
    },
};
use novi_files::{Activated, Document};
use serde_json::Value;

use super::author::ACTOR;
use crate::{commands::files::Comparison, output::Failure};

/// The names of flags that exist, would change, and were not written last by an import; and those of flags whose
/// activations would take the name of another flag's activation.
pub(super) async fn conflicts(
    store: &dyn SchemaStore,
    comparison: &Comparison,
    document: &Document,
) -> Result<Vec<String>, Failure> {
    let mut names = BTreeSet::new();
    let changed = comparison.plan.flags.iter().filter(|row| row.effect != Effect::Added);
    for row in changed.filter(|row| document.flags.contains_key(&row.name)) {
        let newest = store.history(&HistoryQuery::default().flag(row.name.clone()).limit(1)).await?;
        if newest.first().is_none_or(|record| record.actor.as_deref() != Some(ACTOR)) {
            names.insert(row.name.clone());
        }
    }
    let rows = &comparison.current.rows;
    let flags: HashMap<&str, i64> = rows.flags.iter().map(|row| (row.name.as_str(), row.id)).collect();
    let activations: HashMap<&str, i64> =
        rows.activations.iter().map(|row| (row.name.as_str(), row.id)).collect();
    for (name, flag) in &document.flags {
        for activation in &flag.activations {
            let Activated::Own(own) = activation else { continue };
            let Some(activation) = activations.get(own.name.as_str()) else { continue };
            let flag = flags.get(name.as_str()).copied();
            if !flag.is_some_and(|flag| comparison.current.linked(flag).any(|linked| linked == *activation)) {
                names.insert(name.clone());
            }
        }
    }
    names.extend(changed_lists(store, comparison, document).await?);
    // Those for several flags are the import's own if one of its flags depends on them.
    let own = document.flags.keys().filter(|name| flags.contains_key(name.as_str()));
    let reached: HashSet<i64> = own.flat_map(|name| comparison.current.snapshot.reached_by(name)).collect();
    for name in document.activations.keys() {
        if activations.get(name.as_str()).is_some_and(|id| !reached.contains(id)) {
            names.insert(name.rsplit_once(": ").map_or(name.as_str(), |(of, _)| of).to_owned());
        }
    }
    Ok(names.into_iter().collect())
}

/// The flags whose shared activations would change, and were not written last by an import: their records are not among
/// those of the flag, which refers to them within a config.
async fn changed_lists(
    store: &dyn SchemaStore,
    comparison: &Comparison,
    document: &Document,
) -> Result<Vec<String>, Failure> {
    let changed = comparison.plan.activations.iter().filter(|row| row.effect != Effect::Added);
    let mut changed: HashMap<i64, &str> = changed
        .filter(|row| document.activations.contains_key(&row.name))
        .map(|row| (row.id, row.name.as_str()))
        .collect();
    let mut names = Vec::new();
    if changed.is_empty() {
        return Ok(names);
    }
    // Newest first: the first record of a row is its last change.
    for record in store.history(&HistoryQuery::default()).await? {
        let column = match record.entity {
            Entity::Activation => "id",
            Entity::Member => "activation_id",
            _ => continue,
        };
        let row = record.after.as_ref().or(record.before.as_ref());
        let id = row.and_then(|row| row.get(column)).and_then(Value::as_i64);
        if let Some(name) = id.and_then(|id| changed.remove(&id))
            && record.actor.as_deref() != Some(ACTOR)
        {
            names.push(name.rsplit_once(": ").map_or(name, |(flag, _)| flag).to_owned());
        }
    }
    Ok(names)
}
