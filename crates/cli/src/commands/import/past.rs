//! The states that flags had in the other system, as records of the history with their times.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use novi::{
    rows::Rows,
    store::{
        Author, Edit, SchemaStore,
        history::{HistoryQuery, rollback},
    },
};
use novi_files::Document;
use novi_import::feats::Past;

use super::author::{ACTOR, reason};
use crate::{commands::files::Comparison, output::Failure};

/// The edits of the states that are not in the database yet, each with its time. `None` if the history has changes
/// that are later than a state that is not in it.
pub(super) async fn edits(
    store: &dyn SchemaStore,
    comparison: &Comparison,
    past: &[Past],
    system: &str,
) -> Result<Option<Vec<(DateTime<Utc>, Edit)>>, Failure> {
    let newest = store.history(&HistoryQuery::default().limit(1)).await?;
    let newest = newest.first().and_then(|record| record.changed_at);
    let split = past.partition_point(|past| newest.is_some_and(|newest| past.at <= newest));
    let (known, new) = past.split_at(split);
    let current = &comparison.current;
    let step = |rows: &Rows, document: &Document| {
        // The flags of the past compile, and those of now are reported elsewhere.
        let target = document.target(rows, &current.registry, false).map(|target| target.rows);
        target.map_err(|problems| {
            Failure::rejected(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        })
    };
    // The last known state of each flag.
    let last: HashMap<&String, &Past> =
        known.iter().flat_map(|past| past.document.flags.keys().map(move |flag| (flag, past))).collect();
    for past in last.into_values() {
        let target = step(&current.rows, &past.document)?;
        if !rollback(&current.rows, &target, None)?.is_empty() {
            return Ok(None);
        }
    }
    let (mut rows, mut edits) = (current.rows.clone(), Vec::new());
    for Past { at, origin, document, .. } in new {
        let target = step(&rows, document)?;
        let changes = rollback(&rows, &target, None)?;
        if !changes.is_empty() {
            let reason = reason(system, Some(origin));
            let author = Author { actor: Some(ACTOR.to_owned()), reason: Some(reason) };
            edits.push((*at, Edit::new(changes).by(author)));
        }
        rows = target;
    }
    Ok(Some(edits))
}
