//! What others have changed, if files were not applied before: the history tells by its authors.

use std::collections::BTreeMap;

use novi::{
    rows::Rows,
    store::history::{Entity, HistoryRecord, Operation},
};

use super::{
    overwritten::{Overwritten, with_name},
    planned::Planned,
};
use crate::commands::authorship::IMPORT;

/// The fields that somebody else than this person changed last, and that the files would change again.
pub(super) fn overwritten(
    records: &[HistoryRecord],
    actor: Option<&str>,
    current: &Rows,
    mut planned: Planned,
) -> Vec<Overwritten> {
    let mut found: Vec<(String, Overwritten)> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    // The newest is first, so that it takes the fields that it decided.
    for record in records {
        let subject = record.subject();
        let Some((row, fields)) = planned.take(&subject, record.operation, record.fields()) else { continue };
        if !is_of_another(record, actor) {
            continue;
        }
        if let Some((_, newer)) = places.get(&row).and_then(|place| found.get_mut(*place)) {
            newer.fields.extend(fields);
            continue;
        }
        places.insert(row.clone(), found.len());
        let subject = with_name(record.entity, subject, current);
        let (entity, operation) = (record.entity, record.operation);
        found
            .push((row, Overwritten { subject, entity, operation, fields, ..Overwritten::by(Some(record)) }));
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    found.into_iter().map(|(_, row)| row).collect()
}

/// Whether a person changed the row by hand, and it was not the one who applies the files.
fn is_of_another(record: &HistoryRecord, actor: Option<&str>) -> bool {
    // Who makes a flag decides nothing that files could undo: they were written later.
    let is_new =
        record.operation == Operation::Insert && matches!(record.entity, Entity::Flag | Entity::Metadata);
    let reason = record.reason.as_deref().unwrap_or_default();
    let is_of_files = reason.starts_with("apply ") || reason.ends_with(')') && reason.contains(" (apply ");
    let is_import = record.actor.as_deref() == Some(IMPORT);
    // SQLite does not know who runs a script.
    let is_known = record.actor.is_some();
    is_known && record.actor.as_deref() != actor && !(is_new || is_of_files || is_import)
}
