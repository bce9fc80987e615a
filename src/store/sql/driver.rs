//! In which sqlx's drivers and the databases behind them differ.

use std::{sync::Arc, time::Duration};

use sqlx::{
    Database, Pool,
    migrate::{Migrate, MigrateError},
    query::Query,
};

use crate::store::{
    Migrated,
    future::BoxFuture,
    hints::Hints,
    sql::{
        connection::{Connection, Value},
        decode::Cell,
        dialect::Dialect,
        store::SqlStore,
    },
};

/// A database that novi knows, as sqlx names it.
pub trait Driver: Database<Connection: Migrate + Connection> {
    const DIALECT: &'static Dialect;

    fn bind<'q>(query: Query<'q, Self, Self::Arguments>, value: Value) -> Query<'q, Self, Self::Arguments>;

    /// The value of a column, whatever its type.
    fn cell(row: &Self::Row, index: usize) -> Cell;

    /// How many rows a statement has changed.
    fn changed(result: &Self::QueryResult) -> u64;

    /// One try to bring the tables up to date.
    fn migrate(pool: &Pool<Self>) -> BoxFuture<'_, Result<Migrated, MigrateError>>;

    /// Whether the database is gone with its connection.
    fn is_in_memory(pool: &Pool<Self>) -> bool {
        let _ = pool;
        false
    }

    /// As [`ReadStore::hints`](crate::store::ReadStore::hints).
    fn hints(store: &SqlStore<Self>, hints: Arc<Hints>, every: Duration) -> Option<BoxFuture<'static, ()>> {
        let _ = (store, hints, every);
        None
    }
}
