//! Reading what has changed, in one transaction.

/// So many records are read, and not more: to read all rows then takes no longer.
pub(in crate::store) const MOST_RECORDS: i64 = 2000;

/// So many ids go into one statement. There are few lengths, so that each statement is prepared once and found again: to
/// prepare one takes a second round trip, and on MySQL to forget it 40 ms more, since that waits for an acknowledgement.
const LENGTHS: [usize; 4] = [1, 8, 64, 512];

/// A condition that a column is one of some ids, and these as parameters.
pub(in crate::store) struct Among {
    pub(in crate::store) condition: String,
    pub(in crate::store) ids: Vec<i64>,
}

impl Among {
    /// No condition, but an order.
    pub(in crate::store) fn all(order: &str) -> Self {
        Self { condition: format!("order by {order}"), ids: Vec::new() }
    }
}

/// Conditions that a column is one of these ids, each of as many as fit into a statement; with what follows. `first` is what the
/// database has for the first parameter.
pub(in crate::store) fn among(
    column: &str,
    ids: impl IntoIterator<Item = i64>,
    rest: &str,
    first: &str,
) -> Vec<Among> {
    let ids: Vec<i64> = ids.into_iter().collect();
    let largest = LENGTHS.last().copied().unwrap_or(1);
    let condition = |ids: &[i64]| {
        let length = LENGTHS.into_iter().find(|length| *length >= ids.len()).unwrap_or(largest);
        // What is too short is filled with what is asked for already.
        let last = ids.last().copied().unwrap_or_default();
        let filled = ids.iter().copied().chain(std::iter::repeat(last)).take(length).collect();
        let parameter = |place: usize| if first == "?" { "?".to_owned() } else { format!("${place}") };
        let parameters: Vec<String> = (1..=length).map(parameter).collect();
        Among { condition: format!("where {column} in ({}) {rest}", parameters.join(", ")), ids: filled }
    };
    ids.chunks(largest).map(condition).collect()
}

/// Implements [`ReadSession`](crate::store::ReadSession) for a store. The file that calls it has `QUERIES`, `cell`,
/// `begin_session`, `fingerprint` and what `sql_store!` makes.
macro_rules! sql_session {
    ($store:ident, $database:ty, $connection:ty) => {
        /// A read transaction.
        struct Reader {
            store: $store,
            /// In a transaction. One that is not ended, since its work failed or was given up, is closed with it.
            transaction: sql::Lent<$database>,
            cursor: crate::store::Cursor,
        }

        impl Reader {
            async fn begin(store: &$store) -> Result<Self, sqlx::Error> {
                let mut transaction = begin_session(&store.pool).await?;
                let cursor = cursor(&mut transaction).await?;
                Ok(Self { store: store.clone(), transaction, cursor })
            }

            async fn records(
                &mut self,
                before: &crate::store::Cursor,
            ) -> Result<Option<crate::store::Changed>, sqlx::Error> {
                let moved = self.cursor.moved_since(before);
                let mut records = Vec::new();
                for (slot, before, now) in &moved {
                    let most = sql::MOST_RECORDS.saturating_add(1);
                    let mut rows = sqlx::query(QUERIES.touched)
                        .persistent(PERSISTENT)
                        .bind(*slot)
                        .bind(*before)
                        .bind(*now)
                        .bind(most)
                        .fetch(&mut *self.transaction);
                    while let Some(row) = rows.try_next().await? {
                        records.push(sql::touched(&mut (0..row.len()).map(|index| cell(&row, index))));
                    }
                    if i64::try_from(records.len()).is_ok_and(|count| count > sql::MOST_RECORDS) {
                        return Ok(None);
                    }
                }
                Ok(crate::store::Changed::of(&records, &moved))
            }

            async fn rows(&mut self, selection: &crate::store::Selection) -> Result<Rows, sqlx::Error> {
                let mut rows = Rows { revision: self.cursor.revision(), ..Rows::default() };
                for among in sql::among("f.id", selection.flags.iter().copied(), "", QUERIES.placeholder) {
                    let found =
                        rows_where(&mut self.transaction, QUERIES.flags, &among, |cells| sql::flag(cells));
                    rows.flags.extend(found.await?);
                }
                for name in &selection.names {
                    let sql = format!("{} where f.name = {}", QUERIES.flags, QUERIES.placeholder);
                    let sql = sqlx::AssertSqlSafe(sql);
                    let mut found = sqlx::query(sql)
                        .persistent(PERSISTENT)
                        .bind(name.clone())
                        .fetch(&mut *self.transaction);
                    while let Some(row) = found.try_next().await? {
                        rows.flags.push(sql::flag(&mut (0..row.len()).map(|index| cell(&row, index))));
                    }
                }
                let flags: Vec<i64> = rows.flags.iter().map(|row| row.id).collect();
                for among in sql::among("l.flag_id", flags, "", QUERIES.placeholder) {
                    let found =
                        rows_where(&mut self.transaction, QUERIES.links, &among, |cells| sql::link(cells));
                    rows.links.extend(found.await?);
                }
                for among in
                    sql::among("a.id", selection.activations.iter().copied(), "", QUERIES.placeholder)
                {
                    let found = rows_where(&mut self.transaction, QUERIES.activations, &among, |cells| {
                        sql::activation(cells)
                    });
                    rows.activations.extend(found.await?);
                }
                let order = "order by m.activation_id, m.member";
                for among in sql::among(
                    "m.activation_id",
                    selection.activations.iter().copied(),
                    order,
                    QUERIES.placeholder,
                ) {
                    let found = rows_where(&mut self.transaction, QUERIES.members, &among, |cells| {
                        sql::member(cells)
                    });
                    rows.members.extend(found.await?);
                }
                Ok(rows)
            }
        }

        impl crate::store::ReadSession for Reader {
            fn cursor(&self) -> &crate::store::Cursor {
                &self.cursor
            }

            fn changed_since<'a>(
                &'a mut self,
                before: &'a crate::store::Cursor,
            ) -> BoxFuture<'a, Result<Option<crate::store::Changed>>> {
                let store = self.store.clone();
                Box::pin(async move {
                    self.records(before)
                        .await
                        .map_err(|error| store.failed("could not read the history", error))
                })
            }

            fn select<'a>(
                &'a mut self,
                selection: &'a crate::store::Selection,
            ) -> BoxFuture<'a, Result<Rows>> {
                let store = self.store.clone();
                Box::pin(async move {
                    self.rows(selection).await.map_err(|error| store.failed("could not read the rows", error))
                })
            }

            fn all(&mut self) -> BoxFuture<'_, Result<Rows>> {
                let store = self.store.clone();
                Box::pin(async move {
                    match all_rows(&mut self.transaction).await {
                        Ok(rows) => Ok(rows),
                        Err(error) => Err(store.unread(error).await),
                    }
                })
            }

            fn fingerprint(&mut self) -> BoxFuture<'_, Result<Option<crate::store::Fingerprint>>> {
                let store = self.store.clone();
                Box::pin(async move {
                    let read = fingerprint(&mut self.transaction).await;
                    read.map_err(|error| store.failed("could not count the rows", error))
                })
            }

            fn end(self: Box<Self>) -> BoxFuture<'static, Result<()>> {
                Box::pin(async move {
                    let Self { store, mut transaction, .. } = *self;
                    let ended = sqlx::raw_sql("commit").execute(&mut *transaction).await;
                    ended.map_err(|error| store.failed("could not read the rows", error))?;
                    transaction.give_back();
                    Ok(())
                })
            }
        }

        async fn cursor(connection: &mut $connection) -> Result<crate::store::Cursor, sqlx::Error> {
            let mut rows = sqlx::query(QUERIES.cursor).persistent(PERSISTENT).fetch(connection);
            let mut slots = Vec::new();
            while let Some(row) = rows.try_next().await? {
                if let (Cell::Integer(slot), Cell::Integer(number)) = (cell(&row, 0), cell(&row, 1)) {
                    slots.push((slot, number));
                }
            }
            Ok(crate::store::Cursor::new(slots))
        }
    };
}
pub(in crate::store) use sql_session;
