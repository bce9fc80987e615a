//! Reading rows: all, or those that have changed, in one transaction.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::{
    rows::{Revision, Rows, UsedIds},
    store::{
        decode::{self, Cell},
        delta::{Cursor, Fingerprint, Selection, Since, TABLES, follows},
        sql::{
            connection::{Connection, Statement},
            inspect, records,
        },
    },
};

/// So many records are read and no more: reading all rows then takes no longer.
const MAX_RECORDS: i64 = 2000;

/// How many ids go into one statement. There are few lengths, so that each statement is prepared once and
/// found again: to prepare one takes a second round trip, and on MySQL to close it 40 ms more, since that
/// waits for an acknowledgement.
const CHUNKS: [usize; 4] = [1, 8, 64, 512];

/// A condition with ids as parameters.
pub(super) struct IdFilter {
    pub(super) condition: String,
    pub(super) ids: Vec<i64>,
}

impl IdFilter {
    /// No condition, only an order.
    fn all(order: &str) -> Self {
        Self { condition: format!("order by {order}"), ids: Vec::new() }
    }

    /// Conditions that a column is one of these ids, each for as many as fit into a statement, and what
    /// follows.
    pub(super) fn chunks(column: &str, ids: impl IntoIterator<Item = i64>, rest: &str) -> Vec<Self> {
        let ids: Vec<i64> = ids.into_iter().collect();
        let largest = CHUNKS.last().copied().unwrap_or(1);
        let filter = |ids: &[i64]| {
            let length = CHUNKS.into_iter().find(|length| *length >= ids.len()).unwrap_or(largest);
            // Padded with an id that is among them anyway.
            let last = ids.last().copied().unwrap_or_default();
            let padded = ids.iter().copied().chain(std::iter::repeat(last)).take(length).collect();
            let parameters = vec!["?"; length].join(", ");
            Self { condition: format!("where {column} in ({parameters}) {rest}"), ids: padded }
        };
        ids.chunks(largest).map(filter).collect()
    }
}

pub(super) async fn revision(connection: &mut dyn Connection) -> Result<Revision, sqlx::Error> {
    let sql = connection.dialect().read.revision;
    let found = connection.rows(Statement::unprepared(sql), |cells| {
        let mut next = || cells.next().and_then(Cell::into_integer).unwrap_or_default();
        Revision::new(next()).stamped(next())
    });
    Ok(found.await?.first().copied().unwrap_or_default())
}

pub(super) async fn has_table(connection: &mut dyn Connection, table: &str) -> Result<bool, sqlx::Error> {
    let sql = connection.dialect().read.has_table;
    let table = connection.names().of(table);
    Ok(connection.integer(Statement::new(sql).bind(table)).await?.unwrap_or_default() > 0)
}

/// All rows and their revision.
pub(in crate::store) async fn all_rows(connection: &mut dyn Connection) -> Result<Rows, sqlx::Error> {
    let sql = &connection.dialect().read;
    let by = IdFilter::all;
    Ok(Rows {
        revision: revision(connection).await?,
        flags: select(connection, sql.flags, by("f.id"), decode::flag).await?,
        activations: select(connection, sql.activations, by("a.id"), decode::activation).await?,
        links: select(connection, sql.links, by("l.flag_id, l.activation_id"), decode::link).await?,
        members: select(connection, sql.members, by("m.activation_id, m.member"), decode::member).await?,
        used_ids: used_ids(connection).await?,
    })
}

/// The highest ids in the history.
async fn used_ids(connection: &mut dyn Connection) -> Result<UsedIds, sqlx::Error> {
    let sql = "select (select max(entity_id) from flag_history where entity = 'flags'), \
        (select max(entity_id) from flag_history where entity = 'activations')";
    let found = connection.rows(Statement::new(sql), |cells| {
        let mut next = || cells.next().and_then(Cell::into_integer).unwrap_or_default();
        UsedIds { flags: next(), activations: next() }
    });
    Ok(found.await?.first().copied().unwrap_or_default())
}

async fn select<T: Send>(
    connection: &mut dyn Connection,
    sql: &str,
    filter: IdFilter,
    decode: fn(&mut dyn Iterator<Item = Cell>) -> T,
) -> Result<Vec<T>, sqlx::Error> {
    let statement = Statement::new(format!("{sql} {}", filter.condition)).bind_all(filter.ids);
    connection.rows(statement, decode).await
}

/// The rows of a column's ids.
async fn select_ids<T: Send>(
    connection: &mut dyn Connection,
    sql: &str,
    filters: Vec<IdFilter>,
    decode: fn(&mut dyn Iterator<Item = Cell>) -> T,
) -> Result<Vec<T>, sqlx::Error> {
    let mut rows = Vec::new();
    for filter in filters {
        rows.extend(select(connection, sql, filter, decode).await?);
    }
    Ok(rows)
}

pub(super) async fn changes(
    connection: &mut dyn Connection,
    before: &Cursor,
    now: &Cursor,
) -> Result<Since, sqlx::Error> {
    let moved = now.moved_since(before);
    let mut records = Vec::new();
    for (slot, before, now) in &moved {
        let limit = MAX_RECORDS.saturating_add(1);
        let sql = connection.dialect().read.changes;
        let statement = Statement::new(sql).bind_all([*slot, before.number(), now.number(), limit]);
        records.extend(connection.rows(statement, records::change_record).await?);
        if !follows(&records, *slot, *before, *now) {
            return Ok(Since::OtherHistory);
        }
        if i64::try_from(records.len()).is_ok_and(|count| count > MAX_RECORDS) {
            return Ok(Since::Unknown);
        }
    }
    Ok(Since::of(&records, &moved))
}

pub(super) async fn selected(
    connection: &mut dyn Connection,
    selection: &Selection,
) -> Result<Rows, sqlx::Error> {
    let sql = &connection.dialect().read;
    let ids = |column, ids: &mut dyn Iterator<Item = i64>, rest| IdFilter::chunks(column, ids, rest);
    let mut rows = Rows::default();
    let filters = ids("f.id", &mut selection.flags.iter().copied(), "");
    rows.flags = select_ids(connection, sql.flags, filters, decode::flag).await?;
    for name in &selection.names {
        let statement = Statement::new(format!("{} where f.name = ?", sql.flags)).bind(&**name);
        rows.flags.extend(connection.rows(statement, decode::flag).await?);
    }
    let filters = ids("l.flag_id", &mut rows.flags.iter().map(|row| row.id), "");
    rows.links = select_ids(connection, sql.links, filters, decode::link).await?;
    let filters = ids("a.id", &mut selection.activations.iter().copied(), "");
    rows.activations = select_ids(connection, sql.activations, filters, decode::activation).await?;
    let order = "order by m.activation_id, m.member";
    let filters = ids("m.activation_id", &mut selection.activations.iter().copied(), order);
    rows.members = select_ids(connection, sql.members, filters, decode::member).await?;
    Ok(rows)
}

/// What changes when a row does that no trigger saw: missing triggers, and, on a database on which some
/// changes fire no trigger, the number of rows. While triggers are missing, the contents of all rows.
pub(super) async fn fingerprint(connection: &mut dyn Connection) -> Result<Fingerprint, sqlx::Error> {
    let dialect = connection.dialect();
    let inspect::Inspection { problems, version } = inspect::objects(connection).await?;
    let mut counts = None;
    if dialect.read.counts_rows {
        let mut rows = [0; 5];
        for (count, table) in rows.iter_mut().zip(TABLES) {
            let sql = Statement::new(format!("select count(*) from {table}"));
            *count = connection.integer(sql).await?.unwrap_or_default();
        }
        counts = Some(rows);
    }
    let contents = if problems.triggers.is_empty() { None } else { Some(contents(connection).await?) };
    let (is_repairable, obstacles) = (!problems.is_empty(), problems.obstacles.clone());
    let problems = [problems.into_list(), obstacles].concat();
    Ok(Fingerprint { counts, contents, definitions: version, problems, is_repairable })
}

/// What differs whenever the rows do.
async fn contents(connection: &mut dyn Connection) -> Result<String, sqlx::Error> {
    let Some(checksums) = connection.dialect().read.checksums else {
        let rows = all_rows(connection).await?;
        let mut hasher = DefaultHasher::new();
        format!("{:?}", (rows.flags, rows.activations, rows.links, rows.members)).hash(&mut hasher);
        return Ok(hasher.finish().to_string());
    };
    let mut sums = Vec::with_capacity(checksums.len());
    for sql in checksums {
        sums.push(connection.text(Statement::new(sql)).await?.unwrap_or_default());
    }
    Ok(sums.join(" "))
}
