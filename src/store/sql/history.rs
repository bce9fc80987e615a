//! Reading the history, and shortening it.

use chrono::{DateTime, SecondsFormat, Utc};

use crate::{
    error::Error,
    rows::Revision,
    store::history::{AsOf, HistoryQuery},
};

/// How a session says who changes the rows, and why: for the triggers that write the records.
pub(in crate::store) struct Session {
    /// The actor and the reason that are set.
    pub(in crate::store) signed: &'static str,
    /// Takes the actor and the reason; with null for both it is as before.
    pub(in crate::store) sign: &'static str,
    /// Runs before the commit, where the end of the transaction does not undo `sign`.
    pub(in crate::store) unsign: Option<&'static str>,
    /// Whether a rollback does not undo it either.
    pub(in crate::store) outlives_transaction: bool,
}

/// The parts of statements that differ between databases.
pub(in crate::store) struct HistorySql {
    /// `revision, changed_at, actor, reason, entity, before, after`, of `records`.
    pub(in crate::store) columns: &'static str,
    /// The records, with `position`: the revision that people see.
    pub(in crate::store) records: &'static str,
    /// That `changed_at` is not after a parameter.
    pub(in crate::store) until: &'static str,
    /// When the rows last changed, as text.
    pub(in crate::store) changed_at: &'static str,
    /// The ids of the flags that have or had a name, which is given three times.
    pub(in crate::store) named: &'static str,
    /// How many kinds of triggers the server refused to make, where one may.
    pub(in crate::store) missing_triggers: Option<&'static str>,
}

/// The statement that a query is, of the flags and activations with these ids, if it is of some.
pub(in crate::store) fn records(
    sql: &HistorySql,
    query: &HistoryQuery,
    of: Option<&(Vec<i64>, Vec<i64>)>,
) -> String {
    let of = of.map_or_else(String::new, |(flags, activations)| {
        let flags = format!(
            "entity in ('flags', 'flag_metadata', 'flags_activations') and entity_id in ({})",
            listed(flags)
        );
        if activations.is_empty() {
            return format!(" and {flags}");
        }
        let activations = listed(activations);
        format!(
            " and ({flags} or entity in ('activations', 'activation_members') and entity_id in ({activations}))"
        )
    });
    let after = query.after.map_or_else(String::new, |after| format!(" and position > {after}"));
    let until = query.until.map_or_else(String::new, |until| format!(" and position <= {until}"));
    let limit = query.limit.map_or_else(String::new, |limit| format!(" limit {limit}"));
    let direction = if query.oldest_first { "" } else { " desc" };
    format!(
        "select {} from {} where true{of}{after}{until} order by position{direction}, id{direction}{limit}",
        sql.columns, sql.records
    )
}

/// Numbers, for a list in SQL.
pub(in crate::store) fn listed(ids: &[i64]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// What can be told of the history without reading it: the revisions of the oldest record and of the rows.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Extent {
    pub(in crate::store) oldest: Option<i64>,
    pub(in crate::store) oldest_time: Option<DateTime<Utc>>,
    pub(in crate::store) present: Revision,
    pub(in crate::store) present_time: Option<DateTime<Utc>>,
}

impl Extent {
    /// The revision at a moment. `reached` is that of the last record until then, for a time.
    ///
    /// # Errors
    /// [`Error::NotKept`] where nothing tells what was then.
    pub(in crate::store) fn revision(self, moment: AsOf, reached: Option<i64>) -> Result<Revision, Error> {
        let present = self.present;
        match moment {
            AsOf::Revision(revision) if revision.number() > present.number() => Err(Error::NotKept(format!(
                "revision {revision}: there is none yet, the rows are at revision {present}"
            ))),
            AsOf::Revision(revision) => {
                let first = self.first();
                if revision.number() < first {
                    return Err(Error::NotKept(format!(
                        "revision {revision}: the history is kept from revision {first} on"
                    )));
                }
                Ok(revision)
            }
            AsOf::Time(time) => match (reached, self.oldest) {
                (Some(reached), _) => Ok(Revision::new(reached)),
                (None, None) if self.present_time.is_some_and(|since| since <= time) => Ok(present),
                _ => {
                    let since = self.oldest_time.or(self.present_time);
                    let since =
                        since.map_or_else(String::new, |time| format!(" from {} on", moment_text(time)));
                    Err(Error::NotKept(format!(
                        "{moment}: the history is kept{since}; as the rows were before, they are at revision {}",
                        self.first()
                    )))
                }
            },
        }
    }

    /// The first revision that can be told: the oldest record knows what was before it.
    fn first(self) -> i64 {
        self.oldest.map_or(self.present.number(), |oldest| oldest - 1)
    }
}

/// A time as people read it.
pub(in crate::store) fn moment_text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// How many records go in one transaction: enough to be quick, and few enough that a writer hardly waits.
pub(in crate::store) const BATCH: usize = 1000;

/// Implements [`HistoryStore`](crate::store::HistoryStore) for a store of [`sql_store`](crate::store::sql::sql_store). The file
/// that calls it has `HISTORY` and `SESSION`, too.
macro_rules! sql_history {
    ($store:ident, $database:ty, $connection:ty) => {
        impl $store {
            async fn records(&self, query: &HistoryQuery) -> Result<Vec<HistoryRecord>> {
                let read = async {
                    let mut connection = sql::acquire(&self.pool).await?;
                    let mut transaction = begin_read(&mut connection).await?;
                    let records = records_of(&mut transaction, query).await?;
                    transaction.commit().await?;
                    Ok(records)
                };
                let found = read.await.map_err(|error| self.failed("could not read the history", error))?;
                found.ok_or_else(|| Error::FlagNotFound {
                    name: query.flag.clone().unwrap_or_default(),
                    similar: None,
                })
            }

            async fn replay(&self, moment: AsOf) -> Result<Rows> {
                let read = async {
                    let mut connection = sql::acquire(&self.pool).await?;
                    let mut transaction = begin_read(&mut connection).await?;
                    let rows = rows_at(&mut transaction, moment).await?;
                    transaction.commit().await?;
                    Ok(rows)
                };
                read.await.map_err(|error| self.failed("could not read the history", error))?
            }

            async fn delete_before(&self, moment: AsOf) -> Result<u64> {
                let failed = |error| self.failed("could not shorten the history", error);
                let mut connection = sql::acquire(&self.pool).await.map_err(failed)?;
                let before = match revision_at(&mut connection, moment).await.map_err(failed)? {
                    Ok(revision) => revision.number(),
                    // Nothing is that old, or all of it may go that is older than the present.
                    Err(_) if matches!(moment, AsOf::Time(_)) => return Ok(0),
                    Err(error) => return Err(error),
                };
                let mut deleted = 0;
                loop {
                    let mut transaction = begin_write(&mut connection).await.map_err(failed)?;
                    let batch = batch(&mut transaction, before).await.map_err(failed)?;
                    for ids in batch.chunks(sql::BATCH) {
                        let text = format!("delete from flag_history where id in ({})", sql::listed(ids));
                        // Numbers alone.
                        let query = sqlx::query(sqlx::AssertSqlSafe(text)).persistent(PERSISTENT);
                        deleted += query.execute(&mut *transaction).await.map_err(failed)?.rows_affected();
                    }
                    transaction.commit().await.map_err(failed)?;
                    // An empty one has been the last.
                    if batch.is_empty() {
                        return Ok(deleted);
                    }
                }
            }
        }

        impl HistoryStore for $store {
            fn history<'a>(&'a self, query: &'a HistoryQuery) -> BoxFuture<'a, Result<Vec<HistoryRecord>>> {
                Box::pin(self.records(query))
            }

            fn rows_at(&self, moment: AsOf) -> BoxFuture<'_, Result<Rows>> {
                Box::pin(self.replay(moment))
            }

            fn prune(&self, before: AsOf) -> BoxFuture<'_, Result<u64>> {
                Box::pin(self.delete_before(before))
            }

            fn has_triggers(&self) -> BoxFuture<'_, Result<bool>> {
                Box::pin(async move {
                    let Some(missing) = HISTORY.missing_triggers else { return Ok(true) };
                    let read = async {
                        let mut connection = sql::acquire(&self.pool).await?;
                        integers(&mut connection, missing.to_owned(), Vec::new()).await
                    };
                    let missing =
                        read.await.map_err(|error| self.failed("could not read the state of novi", error))?;
                    Ok(missing.iter().all(|count| *count == 0))
                })
            }
        }

        /// Tells the database who writes. What outlives a transaction may be there from one that was given up.
        async fn sign(connection: &mut $connection, author: &Author) -> Result<(), sqlx::Error> {
            if !SESSION.outlives_transaction && *author == Author::default() {
                return Ok(());
            }
            let query = bind(sqlx::query(SESSION.sign).persistent(PERSISTENT), Value::Text(author.actor.clone()));
            bind(query, Value::Text(author.reason.clone())).execute(connection).await.map(drop)
        }

        /// Takes it back, `commits` or not.
        async fn unsign(
            connection: &mut $connection,
            author: &Author,
            commits: bool,
        ) -> Result<(), sqlx::Error> {
            match SESSION.unsign {
                Some(unsign) if *author != Author::default() && (commits || SESSION.outlives_transaction) => {
                    sqlx::query(unsign).persistent(PERSISTENT).execute(connection).await.map(drop)
                }
                _ => Ok(()),
            }
        }

        /// Gives each row of a query.
        async fn each(
            connection: &mut $connection,
            text: String,
            values: Vec<Value>,
            take: &mut (dyn FnMut(&mut dyn Iterator<Item = Cell>) + Send),
        ) -> Result<(), sqlx::Error> {
            // Put together from constants and numbers.
            let mut query = sqlx::query(sqlx::AssertSqlSafe(text)).persistent(PERSISTENT);
            for value in values {
                query = bind(query, value);
            }
            let mut rows = query.fetch(connection);
            while let Some(row) = rows.try_next().await? {
                take(&mut (0..row.len()).map(|index| cell(&row, index)));
            }
            Ok(())
        }

        async fn integers(
            connection: &mut $connection,
            text: String,
            values: Vec<Value>,
        ) -> Result<Vec<i64>, sqlx::Error> {
            let mut found = Vec::new();
            each(connection, text, values, &mut |cells| {
                found.extend(cells.filter_map(|cell| match cell {
                    Cell::Integer(value) => Some(value),
                    _ => None,
                }));
            })
            .await?;
            Ok(found)
        }

        /// Nothing where no flag has or had the name that is asked for.
        async fn records_of(
            connection: &mut $connection,
            query: &HistoryQuery,
        ) -> Result<Option<Vec<HistoryRecord>>, sqlx::Error> {
            let of = match &query.flag {
                None => None,
                Some(name) => match ids_of(connection, name).await? {
                    (flags, _) if flags.is_empty() => return Ok(None),
                    of => Some(of),
                },
            };
            let mut records = Vec::new();
            let text = sql::records(&HISTORY, query, of.as_ref());
            each(connection, text, Vec::new(), &mut |cells| records.extend(sql::record(cells))).await?;
            Ok(Some(records))
        }

        /// The rows of a moment; an error of novi's own where the history does not have it.
        async fn rows_at(
            connection: &mut $connection,
            moment: AsOf,
        ) -> Result<Result<Rows>, sqlx::Error> {
            let revision = match revision_at(connection, moment).await? {
                Ok(revision) => revision,
                Err(error) => return Ok(Err(error)),
            };
            let present = all_rows(connection).await?;
            if present.revision == revision {
                return Ok(Ok(present));
            }
            let mut replay = Replay::at(revision);
            let text = sql::records(&HISTORY, &HistoryQuery::oldest_first(), None);
            let take = &mut |cells: &mut dyn Iterator<Item = Cell>| {
                if let Some(record) = sql::record(cells) {
                    replay.take(record);
                }
            };
            each(connection, text, Vec::new(), take).await?;
            Ok(Ok(replay.rows(present)))
        }

        /// The ids of the flags that have or had a name, and of the activations that they are linked to or were.
        async fn ids_of(
            connection: &mut $connection,
            name: &str,
        ) -> Result<(Vec<i64>, Vec<i64>), sqlx::Error> {
            let name = || Value::Text(Some(name.to_owned()));
            let flags = integers(connection, HISTORY.named.to_owned(), vec![name(), name(), name()]).await?;
            if flags.is_empty() {
                return Ok((flags, Vec::new()));
            }
            let ids = sql::listed(&flags);
            let linked = format!("select activation_id from flags_activations where flag_id in ({ids})");
            let mut activations = integers(connection, linked, Vec::new()).await?;
            let were = format!(
                "select distinct other_id from flag_history where entity = 'flags_activations' and entity_id in ({ids})"
            );
            activations.extend(integers(connection, were, Vec::new()).await?);
            activations.sort_unstable();
            activations.dedup();
            Ok((flags, activations))
        }

        /// The revision at a moment; an error of novi's own where the history does not have it.
        async fn revision_at(
            connection: &mut $connection,
            moment: AsOf,
        ) -> Result<Result<Revision>, sqlx::Error> {
            let present = revision(connection).await?;
            let oldest = integers(
                connection,
                format!("select position from {} order by position limit 1", HISTORY.records),
                Vec::new(),
            )
            .await?;
            let mut extent = sql::Extent {
                oldest: oldest.first().copied(),
                oldest_time: None,
                present,
                present_time: None,
            };
            let AsOf::Time(time) = moment else { return Ok(extent.revision(moment, None)) };
            let text = format!(
                "select position from {} where {} order by position desc limit 1",
                HISTORY.records, HISTORY.until
            );
            let reached = integers(connection, text, vec![Value::Time(Some(time))]).await?.first().copied();
            if reached.is_none() {
                let first = HistoryQuery::oldest_first().limit(1);
                let mut times = Vec::new();
                each(connection, sql::records(&HISTORY, &first, None), Vec::new(), &mut |cells| {
                    times.extend(sql::record(cells).and_then(|record| record.changed_at));
                })
                .await?;
                extent.oldest_time = times.first().copied();
                extent.present_time = changed_at(connection).await?;
            }
            Ok(extent.revision(moment, reached))
        }

        /// The oldest records below a revision, as many as go at once: whole revisions, since a state that is half
        /// deleted could not be told.
        async fn batch(connection: &mut $connection, before: i64) -> Result<Vec<i64>, sqlx::Error> {
            let records = HISTORY.records;
            let last = format!(
                "select position from {records} where position < {before} order by position, id limit {}",
                sql::BATCH
            );
            let Some(last) = integers(connection, last, Vec::new()).await?.last().copied() else {
                return Ok(Vec::new());
            };
            integers(connection, format!("select id from {records} where position <= {last}"), Vec::new()).await
        }

        /// When the rows last changed.
        async fn changed_at(
            connection: &mut $connection,
        ) -> Result<Option<chrono::DateTime<chrono::Utc>>, sqlx::Error> {
            let mut found = Vec::new();
            each(connection, HISTORY.changed_at.to_owned(), Vec::new(), &mut |cells| {
                found.extend(cells.next().and_then(sql::time));
            })
            .await?;
            Ok(found.first().copied())
        }
    };
}
pub(in crate::store) use sql_history;
