//! What others have changed since the files were applied last, and would be overwritten.

use std::{collections::BTreeMap, path::Path};

use novi::{
    Error,
    rows::Rows,
    store::{
        SchemaStore,
        history::{AsOf, Difference, HistoryQuery, HistoryRecord, differences},
    },
};

use super::{
    first_apply,
    overwritten::{Overwritten, with_name},
    planned::{Planned, key},
};
use crate::output::Failure;

/// More records are not read: each has the whole row.
const MOST_RECORDS: u32 = 10_000;

/// Between the names of several files.
pub(super) const SEPARATOR: &str = ", ";

/// What the reasons of an apply have at their end, so that the next one finds it in the history.
pub(super) fn marker(name: &str) -> String {
    format!("apply {name}")
}

/// The reason of an apply in the history: the marker, after the reason that a person gave.
pub(super) fn reason(name: &str, given: Option<&str>) -> String {
    let marker = marker(name);
    given.map_or_else(|| marker.clone(), |given| format!("{given} ({marker})"))
}

/// Printed if rows change, and no apply under the name is known.
pub(super) const NEVER_APPLIED: &str = "note: never applied under this name: of earlier changes, only those that the \
                                        history has of other authors are checked";

/// What the files would undo.
#[derive(Default)]
pub(super) struct Undone {
    /// The rows that others have changed.
    pub(super) rows: Vec<Overwritten>,
    /// Whether rows change, and the history has no apply under this name.
    pub(super) is_first: bool,
    /// The name under which these files were applied as a part of more, if they have none of their own.
    pub(super) whole: Option<String>,
}

/// The rows that others have changed since files were applied last under a name, as far as the history goes back. If
/// they were not applied before, those that somebody else than `actor` has changed last.
pub(super) async fn undone(
    store: &dyn SchemaStore,
    (name, actor): (&str, Option<&str>),
    current: &Rows,
    after: &Rows,
) -> Result<Undone, Failure> {
    let planned = Planned::new(current, after);
    let Some(last) = last_apply(store, name).await? else {
        let is_first = planned.has_existing;
        let records = store.history(&HistoryQuery::default().limit(MOST_RECORDS)).await?;
        let whole = whole(&records, name);
        let rows = first_apply::overwritten(&records, actor, current, planned);
        return Ok(Undone { rows, is_first, whole });
    };
    let rows = since(store, &last, current, &planned).await?;
    Ok(Undone { rows, ..Undone::default() })
}

/// The name of the newest apply of more than these files, or of a folder that they are in.
fn whole(records: &[HistoryRecord], name: &str) -> Option<String> {
    let is_in =
        |file: &str, folder: &str| folder == "." && file != "-" || Path::new(file).starts_with(folder);
    let covers = |wider: &&str| {
        name.split(SEPARATOR).all(|file| wider.split(SEPARATOR).any(|folder| is_in(file, folder)))
    };
    records.iter().filter_map(|record| applied(record.reason.as_deref()?)).find(covers).map(str::to_owned)
}

/// The name in the reason of an apply.
fn applied(reason: &str) -> Option<&str> {
    let marker =
        reason.strip_suffix(')').and_then(|reason| Some(reason.rsplit_once(" (")?.1)).unwrap_or(reason);
    marker.strip_prefix("apply ")
}

/// The rows that others have changed since a record.
async fn since(
    store: &dyn SchemaStore,
    last: &HistoryRecord,
    current: &Rows,
    planned: &Planned,
) -> Result<Vec<Overwritten>, Failure> {
    if last.revision.number() >= current.revision.number() {
        return Ok(Vec::new());
    }
    let then = match store.rows_at(AsOf::Revision(last.revision)).await {
        Ok(rows) => rows,
        // Its records are pruned.
        Err(Error::RevisionUnavailable(_)) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut changed = differences(&then, current);
    changed.retain_mut(|row| {
        let again = planned.again(&row.subject, row.operation, std::mem::take(&mut row.fields));
        row.fields = again.map(|(_, fields)| fields).unwrap_or_default();
        !row.fields.is_empty()
    });
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
        let by = Overwritten::by(authors.get(key(&subject)));
        Overwritten { subject: with_name(entity, subject, current), entity, operation, fields, ..by }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_reasons() {
        assert_eq!(applied("apply flags"), Some("flags"));
        assert_eq!(applied("Release 42 (apply a.yaml, b.yaml)"), Some("a.yaml, b.yaml"));
        assert_eq!(applied("Release (42)"), None);
        assert_eq!(applied("applied"), None);
    }
}
