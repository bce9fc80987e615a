//! What earlier imports from the same system wrote, by the history.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use novi::{
    snapshot::Effect,
    store::{
        SchemaStore,
        history::{Entity, HistoryQuery},
    },
};
use novi_import::{Imported, Item, Outcome, follow};
use serde_json::Value;

use super::author::{ACTOR, reason_ending};
use crate::{commands::files::Comparison, output::Failure};

/// The flags that earlier imports from the same system wrote.
pub(super) struct Earlier {
    /// The ids of their rows by name: a flag that was deleted and imported again has two.
    flags: BTreeMap<String, BTreeSet<i64>>,
}

impl Earlier {
    pub(super) async fn of(store: &dyn SchemaStore, system: &str) -> Result<Self, Failure> {
        let mut flags: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
        let query = HistoryQuery::default().reason_ending(reason_ending(system));
        for record in store.history(&query).await? {
            if record.entity == Entity::Flag
                && record.actor.as_deref() == Some(ACTOR)
                && let Some(row) = record.after
                && let Some(name) = name_of(Some(&row))
                && let Some(id) = row.get("id").and_then(Value::as_i64)
            {
                flags.entry(name.to_owned()).or_default().insert(id);
            }
        }
        Ok(Self { flags })
    }

    /// The flags of the source, mapped or not, that exist, and that neither an import from the system nor its
    /// triggers have written: people have made them, or they came from another system.
    pub(super) async fn own(
        &self,
        store: &dyn SchemaStore,
        comparison: &Comparison,
        imported: &Imported,
        system: &str,
    ) -> Result<Vec<String>, Failure> {
        let rows = comparison.current.rows.flags.iter();
        let reported: HashSet<&str> =
            imported.report.items.iter().filter_map(|item| item.flag.as_deref()).collect();
        let is_of_source = |name: &str| imported.document.flags.contains_key(name) || reported.contains(name);
        let is_known = |name: &str, id: i64| self.flags.get(name).is_some_and(|ids| ids.contains(&id));
        let mut own: BTreeMap<i64, String> = rows
            .filter(|row| is_of_source(&row.name) && !is_known(&row.name, row.id))
            .map(|row| (row.id, row.name.clone()))
            .collect();
        if own.is_empty() {
            return Ok(Vec::new());
        }
        let query = HistoryQuery::default().reason_ending(follow::reason(system));
        for record in store.history(&query).await? {
            if record.entity == Entity::Flag
                && let Some(id) = record.after.as_ref().and_then(|row| row.get("id")).and_then(Value::as_i64)
            {
                own.remove(&id);
            }
        }
        let mut names: Vec<String> = own.into_values().collect();
        names.sort_unstable();
        Ok(names)
    }

    /// The flags that would be created again, though somebody deleted or renamed them.
    pub(super) async fn deleted(
        &self,
        store: &dyn SchemaStore,
        comparison: &Comparison,
    ) -> Result<Vec<String>, Failure> {
        let mut names = Vec::new();
        let added = comparison.plan.flags.iter().filter(|row| row.effect == Effect::Added);
        for row in added.filter(|row| self.flags.contains_key(&row.name)) {
            let name = Some(row.name.as_str());
            let records = store.history(&HistoryQuery::default().flag(row.name.clone())).await?;
            // Newest first: the last change that left no flag with the name.
            let removal = records.iter().find(|record| {
                record.entity == Entity::Flag
                    && name_of(record.before.as_ref()) == name
                    && name_of(record.after.as_ref()) != name
            });
            if removal.is_some_and(|record| record.actor.as_deref() != Some(ACTOR)) {
                names.push(row.name.clone());
            }
        }
        Ok(names)
    }

    /// What the report says of flags that are still there, and that the source no longer has or that are not mapped.
    pub(super) fn kept(&self, comparison: &Comparison, imported: &Imported) -> Vec<Item> {
        let unmapped: HashSet<&str> =
            imported.report.items.iter().filter_map(|item| item.flag.as_deref()).collect();
        let rows = comparison.current.rows.flags.iter();
        let mut kept: Vec<&str> = rows
            .filter(|row| self.flags.get(&row.name).is_some_and(|ids| ids.contains(&row.id)))
            .map(|row| row.name.as_str())
            .filter(|name| !imported.document.flags.contains_key(*name))
            .collect();
        kept.sort_unstable();
        let item = |name: &str| {
            let now = if unmapped.contains(name) {
                "it can no longer be mapped"
            } else {
                "the source no longer has it"
            };
            let why = format!("an earlier import wrote it, and {now}; delete it with `novi flag delete`");
            Item { source: name.to_owned(), flag: Some(name.to_owned()), outcome: Outcome::Kept { why } }
        };
        kept.into_iter().map(item).collect()
    }
}

/// The name in the row of a flag.
fn name_of(row: Option<&Value>) -> Option<&str> {
    row?.get("name").and_then(Value::as_str)
}
