//! Writing in a transaction of the caller.

use sqlx::{Transaction, pool::PoolConnection};

use crate::{
    error::Result,
    rows::Rows,
    store::{
        edit::Edit,
        future::BoxFuture,
        sql::{Connection, Driver, Named, Names, all_rows, write},
    },
};

/// A connection in whose transaction novi can write: sqlx's `Transaction`, `PoolConnection` and connections
/// of SQLite, PostgreSQL and MySQL. [`Writer`](crate::flags::writer::Writer) takes it. Nobody else can
/// implement it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a connection that novi can write with",
    note = "novi takes the connections, pooled connections and transactions of sqlx 0.9, which it re-exports as `novi::sqlx`",
    note = "the feature of the database (`sqlite`, `postgres` or `mysql`) must be enabled"
)]
pub trait WriteConnection: Sealed + Send {
    /// Makes an edit in the transaction that the connection is in, within a savepoint: if it fails, nothing
    /// of it remains, and the transaction goes on if the database lets it.
    #[doc(hidden)]
    fn write<'a>(&'a mut self, table_prefix: &'a str, edit: &'a Edit) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let mut connection = Named::new(self.connection(), Names::new(table_prefix));
            let name = connection.dialect().of_transaction;
            write(&mut connection, name, edit, false).await
        })
    }

    /// All rows, as the transaction sees them.
    #[doc(hidden)]
    fn rows<'a>(&'a mut self, table_prefix: &'a str) -> BoxFuture<'a, Result<Rows>> {
        Box::pin(async move {
            let mut connection = Named::new(self.connection(), Names::new(table_prefix));
            let dialect = connection.dialect();
            let rows = all_rows(&mut connection).await;
            rows.map_err(|error| dialect.error(dialect.of_transaction, "could not read the rows", error))
        })
    }
}

pub trait Sealed {
    fn connection(&mut self) -> &mut dyn Connection;
}

impl<DB: Driver> Sealed for Transaction<'_, DB> {
    fn connection(&mut self) -> &mut dyn Connection {
        &mut **self
    }
}

impl<DB: Driver> WriteConnection for Transaction<'_, DB> {}

impl<DB: Driver> Sealed for PoolConnection<DB> {
    fn connection(&mut self) -> &mut dyn Connection {
        &mut **self
    }
}

impl<DB: Driver> WriteConnection for PoolConnection<DB> {}

/// For a connection without a pool.
macro_rules! single {
    ($($feature:literal $connection:ty),*) => {
        $(
            #[cfg(feature = $feature)]
            impl Sealed for $connection {
                fn connection(&mut self) -> &mut dyn Connection {
                    self
                }
            }

            #[cfg(feature = $feature)]
            impl WriteConnection for $connection {}
        )*
    };
}

single!("sqlite" sqlx::SqliteConnection, "postgres" sqlx::PgConnection, "mysql" sqlx::MySqlConnection);
