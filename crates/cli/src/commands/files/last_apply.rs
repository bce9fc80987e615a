//! What others have changed since the files were applied last, and would be overwritten.

use std::collections::{BTreeMap, BTreeSet};

use novi::{
    Error,
    rows::Rows,
    store::{
        SchemaStore,
        history::{AsOf, Difference, Entity, HistoryQuery, HistoryRecord, Operation, differences},
    },
};
use serde::Serialize;
use serde_json::Value;

use crate::output::{Failure, fields, timestamp};

/// What the reasons of an apply have at their end, so that the next one finds it in the history.
pub(super) fn marker(name: &str) -> String {
    format!("apply {name}")
}

/// The reason of an apply in the history: the marker, after the reason that a person gave.
pub(super) fn reason(name: &str, given: Option<&str>) -> String {
    let marker = marker(name);
    given.map_or_else(|| marker.clone(), |given| format!("{given} ({marker})"))
}

/// A row that others have changed since the last apply, in fields that the files would change again.
#[derive(Debug, Serialize)]
pub(super) struct Overwritten {
    /// The row, for people: `flags#7 "Combo AND"`.
    subject: String,
    #[serde(skip)]
    entity: Entity,
    operation: Operation,
    /// What was changed, from the last apply to now.
    fields: Vec<novi::store::FieldChange>,
    actor: Option<String>,
    reason: Option<String>,
    changed_at: Option<String>,
}

/// The rows that others have changed since files were applied last under a name, as far as the history goes back.
/// Empty if they were not applied before.
pub(super) async fn overwritten(
    store: &dyn SchemaStore,
    name: &str,
    current: &Rows,
    after: &Rows,
) -> Result<Vec<Overwritten>, Failure> {
    let Some(last) = last_apply(store, name).await? else { return Ok(Vec::new()) };
    if last.revision.number() >= current.revision.number() {
        return Ok(Vec::new());
    }
    let then = match store.rows_at(AsOf::Revision(last.revision)).await {
        Ok(rows) => rows,
        // Its records are pruned.
        Err(Error::RevisionUnavailable(_)) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let changed = clashes(&then, current, after);
    if changed.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = HistoryQuery::default();
    query.after = Some(last.revision);
    let mut authors: BTreeMap<String, HistoryRecord> = BTreeMap::new();
    for record in store.history(&query).await? {
        // The newest is first.
        authors.entry(key(&record.subject()).to_owned()).or_insert(record);
    }
    let overwritten = |Difference { entity, operation, subject, fields, .. }| {
        let record = authors.get(key(&subject));
        Overwritten {
            actor: record.and_then(|record| record.actor.clone()),
            reason: record.and_then(|record| record.reason.clone()),
            changed_at: record.and_then(|record| record.changed_at).map(timestamp),
            subject: with_name(entity, subject, current),
            entity,
            operation,
            fields,
        }
    };
    Ok(changed.into_iter().map(overwritten).collect())
}

/// The newest record of an apply under this name.
async fn last_apply(store: &dyn SchemaStore, name: &str) -> Result<Option<HistoryRecord>, Failure> {
    // Some databases ignore case.
    const LIKELY: u32 = 100;
    let marker = marker(name);
    let given = format!(" ({marker})");
    let mut found: Option<HistoryRecord> = None;
    for ending in [marker.clone(), format!("{marker})")] {
        let records = store.history(&HistoryQuery::default().reason_ending(&ending).limit(LIKELY)).await?;
        let is_it = |record: &HistoryRecord| {
            record.reason.as_deref().is_some_and(|reason| reason == marker || reason.ends_with(&given))
        };
        let newest = records.into_iter().find(is_it);
        found = [found, newest].into_iter().flatten().max_by_key(|record| record.revision.number());
    }
    Ok(found)
}

/// The rows that differ from `then` to now in the fields that are to change.
fn clashes(then: &Rows, current: &Rows, after: &Rows) -> Vec<Difference> {
    let mut planned: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in differences(current, after) {
        let fields: BTreeSet<String> = row.fields.into_iter().map(|change| change.field).collect();
        if row.operation == Operation::Insert
            && let Some(name) = name_key(&row.subject)
        {
            planned.insert(name, fields.clone());
        }
        planned.insert(key(&row.subject).to_owned(), fields);
    }
    let mut changed = differences(then, current);
    for row in &mut changed {
        // A row that was deleted is created again, with another id.
        let again = name_key(&row.subject).filter(|_| row.operation == Operation::Delete);
        let planned = again.and_then(|name| planned.get(&name)).or_else(|| planned.get(key(&row.subject)));
        row.fields.retain(|change| planned.is_some_and(|planned| planned.contains(&change.field)));
    }
    changed.retain(|row| !row.fields.is_empty());
    changed
}

/// The part of a subject that stays when the row is renamed.
fn key(subject: &str) -> &str {
    if is_named(subject) { subject.split(' ').next().unwrap_or(subject) } else { subject }
}

/// The part of a subject that stays when the row gets another id.
fn name_key(subject: &str) -> Option<String> {
    let (table, name) = (subject.split('#').next()?, subject.split_once(' ')?.1);
    is_named(subject).then(|| format!("{table} {name}"))
}

fn is_named(subject: &str) -> bool {
    subject.starts_with("flags#") || subject.starts_with("activations#")
}

/// A subject with the flag's name, which a row of metadata does not have.
fn with_name(entity: Entity, subject: String, rows: &Rows) -> String {
    let flag = subject.strip_prefix("flag_metadata#").and_then(|id| id.parse::<i64>().ok());
    let named =
        flag.filter(|_| entity == Entity::Metadata).and_then(|id| rows.flags.iter().find(|row| row.id == id));
    named.map_or(subject, |row| format!("flags#{} {:?}", row.id, row.name))
}

/// The error about rows that would be overwritten.
pub(super) fn refusal(overwritten: &[Overwritten], name: &str) -> Failure {
    let lines: Vec<String> = overwritten.iter().map(|row| format!("  {row}")).collect();
    let message = format!(
        "others have changed rows since the last apply of {name}, and applying the files would undo it:\n{}\n`novi pull` \
         takes these changes over into the files; --force overwrites them",
        lines.join("\n")
    );
    let problems: Vec<Value> =
        overwritten.iter().map(|row| serde_json::to_value(row).unwrap_or_default()).collect();
    Failure::invalid(message, &problems).code("drift")
}

impl std::fmt::Display for Overwritten {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match self.operation {
            Operation::Insert => "was added",
            Operation::Update => "was changed",
            Operation::Delete => "was deleted",
        };
        write!(f, "{} {what} by {}", self.subject, self.actor.as_deref().unwrap_or("somebody"))?;
        if let Some(time) = &self.changed_at {
            write!(f, ", {time}")?;
        }
        if let Some(reason) = &self.reason {
            write!(f, " ({reason})")?;
        }
        f.write_str(&fields(self.entity, self.operation, &self.fields))
    }
}
