//! Changes of an activation that an analysis asks for.

use chrono::{DateTime, Utc};
use novi::{
    flags::Writer,
    rows::{ActivationRow, Rows},
    store::{
        Change, Edit, WriteStore,
        history::{Entity, HistoryQuery, HistoryStore},
    },
};
use serde_json::Value;

/// How many records of the history are searched for the last change of an activation.
const RECORDS: u32 = 1000;

/// The activations of a type that are linked to a flag.
pub(crate) fn linked<'r>(rows: &'r Rows, flag: i64, class_name: &str) -> Vec<&'r ActivationRow> {
    let links = rows.links.iter().filter(|link| link.flag_id == Some(flag));
    let linked: Vec<i64> = links.filter_map(|link| link.activation_id).collect();
    let rows = rows.activations.iter();
    rows.filter(|row| row.class_name == class_name && linked.contains(&row.id)).collect()
}

/// When the row of an activation was changed last, as far as the history has it.
pub(crate) async fn last_change(
    store: &dyn HistoryStore,
    flag: &str,
    activation: i64,
) -> Result<Option<DateTime<Utc>>, novi::Error> {
    let records = store.history(&HistoryQuery::default().flag(flag).limit(RECORDS)).await?;
    let is_own = |row: &Value| row.get("id").and_then(Value::as_i64) == Some(activation);
    let own = records
        .into_iter()
        .find(|record| record.entity == Entity::Activation && record.after.as_ref().is_some_and(is_own));
    Ok(own.and_then(|record| record.changed_at))
}

/// Replaces the row of an activation, unless it has changed since it was read: another server was faster, or a person, and
/// the next check sees what they did. Returns whether it was replaced.
pub(crate) async fn commit_once(
    writer: &Writer,
    store: &dyn WriteStore,
    row: &ActivationRow,
    (actor, reason): (&str, &str),
) -> Result<bool, novi::Error> {
    let edit = Edit::new([Change::UpdateActivation(row.clone())])
        .expect_activation(row.id, row.row_version)
        .actor(actor)
        .reason(reason);
    match writer.commit(store, edit).await {
        Ok(_) => Ok(true),
        Err(novi::Error::Conflict(_)) => Ok(false),
        Err(error) => Err(error),
    }
}
