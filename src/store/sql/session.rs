//! Read transactions: what has changed since a state, and the rows that have.

use crate::{
    error::{Error, Result},
    rows::{Revision, Rows},
    store::{
        decode::Cell,
        delta::{Cursor, Fingerprint, ReadSession, Selection, Since},
        future::BoxFuture,
        sql::{
            connection::{Connection, Statement},
            driver::Driver,
            migrate,
            pool::{Connections, Lease},
            read::{all_rows, changes, fingerprint, selected},
        },
    },
};

/// A read transaction. One that is not ended, since its work failed or was abandoned, is closed with its
/// connection.
pub(super) struct Reader<DB: Driver> {
    connections: Connections<DB>,
    /// Of the store.
    name: String,
    lease: Lease<DB>,
    cursor: Cursor,
}

impl<DB: Driver> Reader<DB> {
    pub(super) async fn begin(connections: &Connections<DB>, name: &str) -> Result<Self, sqlx::Error> {
        let mut lease = connections.lease().await?;
        let connection = lease.connection();
        if let Err(error) = begin(connection).await {
            if !connections.is_in_memory {
                return Err(error);
            }
            // The only connection may be in a transaction that was abandoned.
            connection.execute(Statement::unprepared("rollback")).await?;
            begin(connection).await?;
        }
        let slots = connection.rows(Statement::new(DB::DIALECT.read.cursor), |cells| {
            let mut next = || cells.next().and_then(Cell::into_integer);
            Some((next()?, Revision::new(next()?).stamped(next()?)))
        });
        let cursor = Cursor::new(slots.await?.into_iter().flatten().collect());
        Ok(Self { connections: connections.clone(), name: name.to_owned(), lease, cursor })
    }
}

/// Begins a transaction that outlives the borrow of its connection.
async fn begin(connection: &mut dyn Connection) -> Result<(), sqlx::Error> {
    let dialect = connection.dialect();
    if let Some(sql) = dialect.before_read {
        connection.execute(Statement::new(sql)).await?;
    }
    connection.execute(Statement::unprepared(dialect.begin_read.unwrap_or("begin"))).await.map(drop)
}

impl<DB: Driver> ReadSession for Reader<DB> {
    fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    fn changed_since<'a>(&'a mut self, before: &'a Cursor) -> BoxFuture<'a, Result<Since>> {
        Box::pin(async move {
            let read = changes(self.lease.connection(), before, &self.cursor).await;
            read.map_err(|error| DB::DIALECT.error(&self.name, "could not read the history", error))
        })
    }

    fn select<'a>(&'a mut self, selection: &'a Selection) -> BoxFuture<'a, Result<Rows>> {
        Box::pin(async move {
            let read = selected(self.lease.connection(), selection).await;
            let rows =
                read.map_err(|error| DB::DIALECT.error(&self.name, "could not read the rows", error))?;
            Ok(Rows { revision: self.cursor.revision(), ..rows })
        })
    }

    fn all(&mut self) -> BoxFuture<'_, Result<Rows>> {
        Box::pin(async move {
            match all_rows(self.lease.connection()).await {
                Ok(rows) => Ok(rows),
                Err(error) => Err(read_error(&self.connections, &self.name, error).await),
            }
        })
    }

    fn fingerprint(&mut self) -> BoxFuture<'_, Result<Option<Fingerprint>>> {
        Box::pin(async move {
            let read = fingerprint(self.lease.connection()).await;
            read.map(Some).map_err(|error| {
                DB::DIALECT.error(&self.name, "could not read the state of the tables", error)
            })
        })
    }

    fn end(mut self: Box<Self>) -> BoxFuture<'static, Result<()>> {
        Box::pin(async move {
            let ended = self.lease.connection().execute(Statement::unprepared("commit")).await;
            ended.map_err(|error| DB::DIALECT.error(&self.name, "could not read the rows", error))?;
            self.lease.give_back();
            Ok(())
        })
    }
}

/// The error of a query that reads rows.
pub(super) async fn read_error<DB: Driver>(
    connections: &Connections<DB>,
    store: &str,
    error: sqlx::Error,
) -> Error {
    const ACTION: &str = "could not read the rows";
    match other_version(connections, store, ACTION, &error).await {
        Some(other) => other,
        None => DB::DIALECT.error(store, ACTION, error),
    }
}

/// Whether a statement failed because the tables are those of a newer novi, or of an older one.
async fn other_version<DB: Driver>(
    connections: &Connections<DB>,
    store: &str,
    action: &str,
    error: &sqlx::Error,
) -> Option<Error> {
    // Only if the database responds at all.
    error.as_database_error()?;
    let mut lease = connections.lease().await.ok()?;
    let version = lease.connection().integer(Statement::new("select max(version) from novi_migrations"));
    let version = version.await.ok()??;
    lease.give_back();
    migrate::other_version(store, action, version, DB::DIALECT.migrations, error)
}
