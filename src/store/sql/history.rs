//! Reading the history, and pruning it.

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use crate::{
    error::{Error, Result},
    rows::{Revision, Rows},
    store::{
        decode::{self, Cell},
        history::{moment::AsOf, query::HistoryQuery, record::HistoryRecord, replay::Replay},
        sql::{
            connection::{Connection, Statement, Value},
            dialect::HistorySql,
            lives::OfFlag,
            read::{all_rows, revision},
            records,
        },
    },
};

/// How many records are deleted in one transaction: enough to be quick, and few enough that a writer hardly
/// waits.
const BATCH: usize = 1000;

/// How many revisions are read for each record that a query wants, until there are enough records. Only a filter needs
/// more than one.
const WINDOWS: [i64; 3] = [1, 32, 1024];

/// The records of a query; `None` if no flag has or had its name.
pub(super) async fn records(
    connection: &mut dyn Connection,
    query: &HistoryQuery,
) -> Result<Option<Vec<HistoryRecord>>, sqlx::Error> {
    let flag = match &query.flag {
        None => None,
        Some(name) => match OfFlag::named(connection, name).await? {
            None => return Ok(None),
            of_flag => of_flag,
        },
    };
    let windows = match (&flag, query.is_filtered()) {
        (Some(_), _) => &[],
        (None, false) => &WINDOWS[..1],
        (None, true) => &WINDOWS[..],
    };
    for width in windows {
        let Some(newest) = newest(connection, query, *width).await? else { break };
        let statement = select(connection, &newest, None, newest.after);
        let records = run(connection, statement).await?;
        if newest.after == query.after || newest.limit.is_some_and(|limit| records.len() >= limit as usize) {
            return Ok(Some(records));
        }
        // Other records, or revisions without one: the history was pruned, or a revision was raised by hand.
    }
    let statement = select(connection, query, flag.as_ref(), None);
    run(connection, statement).await.map(Some)
}

async fn run(
    connection: &mut dyn Connection,
    statement: Statement,
) -> Result<Vec<HistoryRecord>, sqlx::Error> {
    let records = connection.rows(statement, records::record).await?;
    Ok(records.into_iter().flatten().collect())
}

/// The query for the newest revisions: so many for each record that it wants. Each revision has a record, and no older one
/// is read then.
async fn newest(
    connection: &mut dyn Connection,
    query: &HistoryQuery,
    width: i64,
) -> Result<Option<HistoryQuery>, sqlx::Error> {
    let (Some(limit), false) = (query.limit, query.oldest_first) else { return Ok(None) };
    let current = revision(connection).await?.number();
    let last = query.until.map_or(current, |until| until.number().min(current));
    let from = last.saturating_sub(i64::from(limit).saturating_mul(width));
    if from <= 0 && width > 1 {
        return Ok(None);
    }
    let after = query.after.map_or(from, |after| after.number().max(from));
    Ok(Some(HistoryQuery { after: Some(Revision::new(after)), ..query.clone() }))
}

/// The rows of a moment; an error of novi's own if the history does not reach it.
pub(super) async fn rows_at(
    connection: &mut dyn Connection,
    moment: AsOf,
) -> Result<Result<Rows>, sqlx::Error> {
    let revision = match revision_at(connection, moment).await? {
        Ok(revision) => revision,
        Err(error) => return Ok(Err(error)),
    };
    let current = all_rows(connection).await?;
    if current.revision.number() == revision.number() {
        return Ok(Ok(current));
    }
    let mut replay = Replay::at(revision);
    let statement = select(connection, &HistoryQuery::oldest_first(), None, None);
    let take = &mut |cells: &mut dyn Iterator<Item = Cell>| {
        if let Some(record) = records::record(cells) {
            replay.take(record);
        }
    };
    connection.run(statement, take).await?;
    Ok(Ok(replay.rows(current)))
}

/// Deletes the records before a moment, and returns how many.
pub(super) async fn prune(connection: &mut dyn Connection, moment: AsOf) -> Result<Result<u64>, sqlx::Error> {
    if let Some(error) = in_the_future(connection, moment).await? {
        return Ok(Err(error));
    }
    let before = match revision_at(connection, moment).await? {
        Ok(revision) => revision.number(),
        // No record is that old.
        Err(_) if matches!(moment, AsOf::Time(_)) => return Ok(Ok(0)),
        Err(error) => return Ok(Err(error)),
    };
    let mut deleted = 0;
    loop {
        let mut transaction = connection.begin_write().await?;
        let batch = batch(transaction.connection(), before).await?;
        for ids in batch.chunks(BATCH) {
            let sql = format!("delete from flag_history where id in ({})", listed(ids));
            deleted += transaction.connection().execute(Statement::new(sql)).await?;
        }
        transaction.commit().await?;
        if batch.is_empty() {
            return Ok(Ok(deleted));
        }
    }
}

/// An error if a time is after the database's own: a clock is wrong, and the whole history would be deleted.
async fn in_the_future(connection: &mut dyn Connection, moment: AsOf) -> Result<Option<Error>, sqlx::Error> {
    /// Clocks may differ by this much.
    const TOLERANCE: TimeDelta = TimeDelta::hours(1);
    let AsOf::Time(time) = moment else { return Ok(None) };
    let now = connection.text(Statement::new(connection.dialect().history.now)).await?;
    let now = now.as_deref().and_then(decode::parse_time);
    let Some(now) = now.filter(|now| time.signed_duration_since(now) > TOLERANCE) else { return Ok(None) };
    Ok(Some(Error::RevisionUnavailable(format!(
        "{moment} is in the future of the database, whose clock says {}; correct the clock of the database or of this \
         computer",
        moment_text(now)
    ))))
}

/// The statement of a query, restricted to the records of a flag, if any. With `above`, the database
/// reads no records of this revision and earlier ones.
fn select(
    connection: &dyn Connection,
    query: &HistoryQuery,
    flag: Option<&OfFlag>,
    above: Option<Revision>,
) -> Statement {
    let sql = &connection.dialect().history;
    let flag = flag.map_or_else(String::new, |flag| format!(" and {}", flag.condition()));
    let after = query.after.map_or_else(String::new, |after| format!(" and position > {after}"));
    let until = query.until.map_or_else(String::new, |until| format!(" and position <= {until}"));
    let (conditions, values) = conditions(sql, query);
    let limit = query.limit.map_or_else(String::new, |limit| format!(" limit {limit}"));
    let direction = if query.oldest_first { "" } else { " desc" };
    let records = match above {
        Some(above) => Cow::Owned(sql.records_above.replace("$above", &above.to_string())),
        None => Cow::Borrowed(sql.records),
    };
    let statement = Statement::new(format!(
        "select {} from {records} where true{flag}{after}{until}{conditions} order by position{direction}, id{direction}{limit}",
        sql.columns
    ));
    statement.bind_all(values)
}

/// The conditions on columns of records, with their parameters.
fn conditions(sql: &HistorySql, query: &HistoryQuery) -> (String, Vec<Value>) {
    let entity = query.entity.map(|entity| ("entity = ?", Value::from(entity.table())));
    let actor = query.actor.as_deref().map(|actor| ("actor = ?", actor.into()));
    let since = query.changed_since.map(|time| (sql.since, time.into()));
    let until = query.changed_until.map(|time| (sql.until, time.into()));
    let text = query.text.as_deref().map(|text| (sql.containing, format!("%{}%", escaped(text)).into()));
    let reason = query.reason_ending.as_deref();
    let reason = reason.map(|end| ("reason like ? escape '!'", format!("%{}", escaped(end)).into()));
    let all = [entity, actor, since, until, text, reason].into_iter().flatten();
    let (conditions, values): (Vec<String>, _) =
        all.map(|(condition, value)| (format!(" and {condition}"), value)).unzip();
    (conditions.concat(), values)
}

/// A text in a pattern of `like`.
fn escaped(text: &str) -> String {
    let escaped = |letter| [Some('!').filter(|_| matches!(letter, '%' | '_' | '!')), Some(letter)];
    text.chars().flat_map(escaped).flatten().collect()
}

/// Numbers for a list in SQL.
fn listed(ids: &[i64]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The revision at a moment; an error of novi's own if the history does not reach it.
async fn revision_at(connection: &mut dyn Connection, moment: AsOf) -> Result<Result<Revision>, sqlx::Error> {
    let current = revision(connection).await?;
    let sql = &connection.dialect().history;
    let oldest = format!("select position from {} order by position limit 1", sql.records);
    let oldest = connection.integer(Statement::new(oldest)).await?;
    let mut extent = Extent { oldest, oldest_time: None, current, current_time: None };
    let AsOf::Time(time) = moment else { return Ok(extent.revision(moment, None)) };
    // In the order of revisions: after the clock was set back, or one record has a wrong time, the times are not
    // in order, and a later record must not count as earlier than those before it.
    let (records, until) = (sql.records, sql.until);
    let later = format!("select position from {records} where not ({until}) order by position limit 1");
    let later = connection.integer(Statement::new(later).bind(time)).await?;
    let before = later.map_or_else(String::new, |later| format!("where position < {later}"));
    let reached = format!("select position from {records} {before} order by position desc limit 1");
    let reached = connection.integer(Statement::new(reached)).await?;
    if reached.is_none() {
        let first = select(connection, &HistoryQuery::oldest_first().limit(1), None, None);
        let records = run(connection, first).await?;
        extent.oldest_time = records.into_iter().find_map(|record| record.changed_at);
        let changed_at = connection.text(Statement::new(sql.changed_at)).await?;
        extent.current_time = changed_at.as_deref().and_then(decode::parse_time);
    }
    Ok(extent.revision(moment, reached))
}

/// The oldest records below a revision, as many as are deleted at once: whole revisions, since a state that
/// is half deleted could not be replayed.
async fn batch(connection: &mut dyn Connection, before: i64) -> Result<Vec<i64>, sqlx::Error> {
    let records = connection.dialect().history.records;
    let last = format!(
        "select position from {records} where position < {before} order by position, id limit {BATCH}"
    );
    let Some(last) = connection.integers(Statement::new(last)).await?.last().copied() else {
        return Ok(Vec::new());
    };
    let ids = format!("select id from {records} where position <= {last}");
    connection.integers(Statement::new(ids)).await
}

/// How far the history reaches: the revisions of the oldest record and of the rows.
#[derive(Clone, Copy, Debug)]
struct Extent {
    oldest: Option<i64>,
    oldest_time: Option<DateTime<Utc>>,
    current: Revision,
    current_time: Option<DateTime<Utc>>,
}

impl Extent {
    /// The revision at a moment. For a time, `reached` is that of the last record before the first later one.
    ///
    /// # Errors
    /// [`Error::RevisionUnavailable`] if the history does not reach it.
    fn revision(self, moment: AsOf, reached: Option<i64>) -> Result<Revision, Error> {
        let current = self.current;
        match moment {
            AsOf::Revision(revision) if revision.number() > current.number() => {
                Err(Error::RevisionUnavailable(format!(
                    "revision {revision} does not exist yet; the latest is {current}"
                )))
            }
            AsOf::Revision(revision) => {
                let first = self.first();
                if revision.number() < first {
                    return Err(Error::RevisionUnavailable(format!(
                        "revision {revision} is not in the history, which begins at revision {first}"
                    )));
                }
                Ok(revision)
            }
            AsOf::Time(time) => match (reached, self.oldest) {
                (Some(reached), _) => Ok(Revision::new(reached)),
                (None, None) if self.current_time.is_some_and(|since| since <= time) => Ok(current),
                _ => {
                    let since = self.oldest_time.or(self.current_time);
                    let since = since.map_or_else(String::new, |time| format!(" at {}", moment_text(time)));
                    Err(Error::RevisionUnavailable(format!(
                        "{moment} is before the history, which begins{since} with revision {}",
                        self.first()
                    )))
                }
            },
        }
    }

    /// The first revision that can be replayed: the oldest record has the row before it.
    fn first(self) -> i64 {
        self.oldest.map_or(self.current.number(), |oldest| oldest - 1)
    }
}

/// A time as people read it.
fn moment_text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
