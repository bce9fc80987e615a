//! In which sqlx's drivers and the databases behind them differ.

use std::{sync::Arc, time::Duration};

use futures_util::TryStreamExt as _;
use sqlx::{
    AssertSqlSafe, Database, Either, Executor, IntoArguments, Row as _, SqlSafeStr as _,
    database::HasStatementCache,
    migrate::{Migrate, MigrateError},
    query::Query,
};

use crate::store::{
    decode::Cell,
    delta::Cursor,
    future::BoxFuture,
    hints::Hints,
    schema::Migrated,
    sql::{
        connection::{Connection, EachRow, OpenTransaction, Statement, Value},
        dialect::Dialect,
        names::Names,
        pool::Connections,
    },
};

/// A database that novi knows, as sqlx names it.
pub trait Driver: Database<Connection: Migrate + Connection> {
    const DIALECT: &'static Dialect;

    /// Whether [`mark_seen`](Self::mark_seen) does anything.
    const MARKS_SEEN: bool = false;

    fn bind(query: Query<'_, Self, Self::Arguments>, value: Value) -> Query<'_, Self, Self::Arguments>;

    /// The value of a column, whatever its type.
    fn cell(row: &Self::Row, index: usize) -> Cell;

    /// How many rows a statement has changed.
    fn changed(result: &Self::QueryResult) -> u64;

    /// One try to bring the tables up to date.
    fn migrate(connections: &Connections<Self>) -> BoxFuture<'_, Result<Migrated, MigrateError>>;

    /// Goes to where novi's tables are, for work on the tables themselves. The connection is closed
    /// afterwards.
    fn enter(connection: &mut dyn Connection) -> BoxFuture<'_, Result<(), sqlx::Error>> {
        let _ = connection;
        Box::pin(std::future::ready(Ok(())))
    }

    /// Rejects another novi beside which novi's tables cannot be migrated.
    fn check_others(connection: &mut dyn Connection) -> BoxFuture<'_, Result<(), MigrateError>> {
        let _ = connection;
        Box::pin(std::future::ready(Ok(())))
    }

    /// What is wrong with triggers that only a change shows: makes one, and takes it back. Not for a connection
    /// that is in a transaction.
    fn problem_of_triggers<'a>(
        connection: &'a mut (dyn Connection + 'a),
    ) -> BoxFuture<'a, Result<Option<String>, sqlx::Error>> {
        let _ = connection;
        Box::pin(std::future::ready(Ok(None)))
    }

    /// As [`ReadStore::hints`](crate::store::ReadStore::hints).
    fn hints(
        connections: &Connections<Self>,
        hints: Arc<Hints>,
        every: Duration,
    ) -> Option<BoxFuture<'static, ()>> {
        let _ = (connections, hints, every);
        None
    }

    /// The statement for [`ReadStore::followers`](crate::store::ReadStore::followers), if the database can tell.
    fn followers(names: &Names) -> Option<Statement> {
        let _ = names;
        None
    }

    /// Notes that a reader has seen the records of a state, after those of an earlier one, on a database
    /// whose history needs that to be in order.
    fn mark_seen<'a>(
        connection: &'a mut (dyn Connection + 'a),
        before: &'a Cursor,
        now: &'a Cursor,
    ) -> BoxFuture<'a, Result<(), sqlx::Error>> {
        let _ = (connection, before, now);
        Box::pin(std::future::ready(Ok(())))
    }
}

impl<'c, DB: Driver> OpenTransaction<'c> for sqlx::Transaction<'c, DB> {
    fn connection(&mut self) -> &mut dyn Connection {
        &mut **self
    }

    fn commit(self: Box<Self>) -> BoxFuture<'c, Result<(), sqlx::Error>> {
        Box::pin((*self).commit())
    }

    fn rollback(self: Box<Self>) -> BoxFuture<'c, Result<(), sqlx::Error>> {
        Box::pin((*self).rollback())
    }
}

/// [`Connection::run`] by sqlx, for any of its databases.
pub(super) async fn run<DB>(
    connection: &mut DB::Connection,
    statement: Statement,
    each: &mut EachRow<'_>,
) -> Result<u64, sqlx::Error>
where
    DB: Driver + HasStatementCache,
    DB::Arguments: IntoArguments<DB>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let Statement { sql, values, is_prepared, .. } = statement;
    // Made of novi's own text; what comes from outside is a parameter. A script is the caller's own SQL.
    let is_numbered = is_prepared && DB::DIALECT.numbers_parameters;
    let sql = AssertSqlSafe(if is_numbered { numbered(&sql).into() } else { sql }).into_sql_str();
    let mut results = if is_prepared {
        let mut query = sqlx::query(sql).persistent(DB::DIALECT.keeps_statements);
        for value in values {
            query = DB::bind(query, value);
        }
        connection.fetch_many(query)
    } else {
        connection.fetch_many(sqlx::raw_sql(sql))
    };
    let mut changed = 0;
    while let Some(result) = results.try_next().await? {
        match result {
            Either::Left(done) => changed += DB::changed(&done),
            Either::Right(row) => each(&mut (0..row.len()).map(|index| DB::cell(&row, index))),
        }
        // Rows that are always ready would never let a time limit stop this.
        tokio::task::coop::consume_budget().await;
    }
    Ok(changed)
}

/// Numbers the parameters, as PostgreSQL wants them: `$1` and so on for each `?`. No statement of novi has a
/// `?` in a string.
pub(super) fn numbered(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len() + 16);
    for (index, part) in sql.split('?').enumerate() {
        if index > 0 {
            text.push('$');
            text.push_str(&index.to_string());
        }
        text.push_str(part);
    }
    text
}

/// Implements [`Connection`] for the connection of a database. A macro, since a generic implementation would
/// have to repeat the bounds of [`run`] on everything above it.
macro_rules! connection {
    ($database:ty, $connection:ty) => {
        impl Connection for $connection {
            fn dialect(&self) -> &'static Dialect {
                <$database as Driver>::DIALECT
            }

            fn run<'a>(
                &'a mut self,
                statement: Statement,
                each: &'a mut EachRow<'_>,
            ) -> BoxFuture<'a, Result<u64, sqlx::Error>> {
                Box::pin(driver::run::<$database>(self, statement, each))
            }

            fn begin<'c>(
                &'c mut self,
                statement: Option<&'static str>,
            ) -> BoxFuture<'c, Result<Transaction<'c>, sqlx::Error>> {
                Box::pin(async move {
                    let transaction = match statement {
                        Some(statement) => sqlx::Connection::begin_with(self, statement).await?,
                        None => sqlx::Connection::begin(self).await?,
                    };
                    Ok(Box::new(transaction) as Transaction<'c>)
                })
            }

            fn is_in_transaction(&mut self) -> bool {
                sqlx::Connection::is_in_transaction(self)
            }
        }
    };
}
pub(super) use connection;

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use std::{
        future::poll_fn,
        pin::pin,
        sync::atomic::{AtomicUsize, Ordering::Relaxed},
        thread,
    };

    use sqlx::{Connection as _, SqliteConnection};

    use super::*;

    #[tokio::test]
    async fn rows_that_are_always_ready_let_other_futures_run() {
        const ROWS: usize = 1000;
        let sql = "with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < 1000) \
                   select n from numbers";
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let (mut read, mut most) = (0, 0);
        let in_poll = &AtomicUsize::new(0);
        let mut each = |_: &mut dyn Iterator<Item = Cell>| {
            // The next row is read meanwhile.
            thread::sleep(Duration::from_micros(50));
            in_poll.fetch_add(1, Relaxed);
        };
        let mut reading = pin!(run::<sqlx::Sqlite>(&mut connection, Statement::new(sql), &mut each));
        poll_fn(|task| {
            in_poll.store(0, Relaxed);
            let polled = reading.as_mut().poll(task);
            read += in_poll.load(Relaxed);
            most = most.max(in_poll.load(Relaxed));
            polled
        })
        .await
        .unwrap();
        assert_eq!(read, ROWS);
        assert!(most < ROWS / 2, "{most} rows at once");
    }
}
