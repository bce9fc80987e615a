//! From columns to records of the history.

use crate::store::{
    decode::{Cell, Columns, parse_time},
    delta::Record,
    history::record::{self, HistoryRecord},
};

/// The columns of [`HistorySql::columns`](crate::store::sql::dialect::HistorySql).
pub(super) fn record(cells: &mut dyn Iterator<Item = Cell>) -> Option<HistoryRecord> {
    let mut next = || cells.next().unwrap_or(Cell::Null);
    let text = Cell::into_optional_text;
    let revision = match next() {
        Cell::Integer(revision) => revision,
        _ => 0,
    };
    let columns = record::Columns {
        revision,
        changed_at: text(next()).as_deref().and_then(parse_time),
        actor: text(next()),
        reason: text(next()),
        entity: next().into_text(),
        before: text(next()),
        after: text(next()),
    };
    columns.into_record()
}

/// The columns of [`ReadSql::changes`](crate::store::sql::dialect::ReadSql).
pub(super) fn change_record(cells: &mut dyn Iterator<Item = Cell>) -> Record {
    let mut columns = Columns::new(cells, "flag_history");
    let slot = columns.integer("slot");
    let revision = columns.integer("revision");
    let entity = columns.text("entity");
    let entity_id = match columns.next() {
        Cell::Integer(id) => Some(id),
        _ => None,
    };
    let operation = columns.text("operation");
    let (before, after) = (columns.optional_text("before"), columns.optional_text("after"));
    let follows = columns.next().into_integer();
    Record { slot, revision, entity, entity_id, operation, before, after, follows }
}
