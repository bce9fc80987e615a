//! Connections of a pool.

use std::{path::PathBuf, sync::Arc, time::Duration};

use sqlx::{ConnectOptions as _, Pool, pool::PoolConnection};

use crate::store::sql::{
    connection::{Connection, Lead, Named, Statement},
    database_file::DatabaseFile,
    names::Names,
};

/// How many connections a pool of novi's own holds: one that reads, one that writes, and some for the
/// migrations and scripts of the same process. A service with other needs passes its own pool.
pub(super) const POOL_SIZE: u32 = 5;

/// How long to wait for a connection. sqlx tries again while the server refuses, and reports no more than a
/// timeout; evaluation never waits for this.
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// The connections of a store.
pub struct Connections<DB: sqlx::Database> {
    pub(super) pool: Pool<DB>,
    /// The names of novi's tables there.
    pub(super) names: Names,
    /// What a connection runs before novi uses it.
    setup: Option<&'static str>,
    /// For a database in a file.
    file: Option<Arc<DatabaseFile>>,
    /// Whether the database is gone with its connection.
    pub(super) is_in_memory: bool,
}

/// Where a database is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "a build may support some databases only")]
pub(super) enum Place {
    Server,
    File(PathBuf),
    Memory,
}

impl<DB: sqlx::Database> Clone for Connections<DB> {
    fn clone(&self) -> Self {
        let (pool, names, file) = (self.pool.clone(), self.names.clone(), self.file.clone());
        Self { pool, names, setup: self.setup, file, is_in_memory: self.is_in_memory }
    }
}

impl<DB: sqlx::Database<Connection: Connection>> Connections<DB> {
    /// Those of a pool that has set them up.
    pub(super) fn new(pool: Pool<DB>, place: &Place) -> Self {
        let file = match place {
            Place::File(path) => Some(Arc::new(DatabaseFile::new(path, pool.size() > 0))),
            Place::Server | Place::Memory => None,
        };
        let is_in_memory = *place == Place::Memory;
        Self { pool, names: Names::default(), setup: None, file, is_in_memory }
    }

    /// Those of a pool of the service, with the statement that sets one up.
    #[cfg(feature = "mysql")]
    pub(super) fn with_setup(pool: Pool<DB>, setup: &'static str) -> Self {
        Self { setup: Some(setup), ..Self::new(pool, &Place::Server) }
    }

    /// Borrows a connection.
    pub(super) async fn lease(&self) -> Result<Lease<DB>, sqlx::Error> {
        if let Some(file) = &self.file
            && file.check().await?
        {
            self.close_idle(file).await?;
        }
        let connection = Named::new(acquire(&self.pool).await?, self.names.clone());
        // With the only connection to a database in memory the database would be gone.
        let mut lease = Lease { connection, close: !self.is_in_memory };
        if let Some(file) = &self.file {
            file.opened().await;
        }
        if let Some(setup) = self.setup {
            lease.connection().execute(Statement::unprepared(setup)).await?;
        }
        Ok(lease)
    }

    /// Differs once connections lead to another file.
    pub(super) fn generation(&self) -> u64 {
        self.file.as_ref().map_or(0, |file| file.generation())
    }

    /// Closes the connections that nobody uses: they may lead to a file that was replaced. Those in use come
    /// back later, and are closed then.
    async fn close_idle(&self, file: &DatabaseFile) -> Result<(), sqlx::Error> {
        while let Some(connection) = self.pool.try_acquire() {
            connection.close().await?;
        }
        if self.pool.size() == 0 {
            file.is_current();
        }
        Ok(())
    }
}

impl<DB: sqlx::Database<Connection: Connection>> Lead for PoolConnection<DB> {
    fn connection(&mut self) -> &mut dyn Connection {
        &mut **self
    }
}

/// A connection of the pool; on a timeout the error says why there was none.
async fn acquire<DB: sqlx::Database>(pool: &Pool<DB>) -> Result<PoolConnection<DB>, sqlx::Error> {
    match pool.acquire().await {
        Err(sqlx::Error::PoolTimedOut) => {
            let options = pool.connect_options();
            match tokio::time::timeout(Duration::from_secs(2), options.connect()).await {
                Ok(Err(cause)) => Err(cause),
                Ok(Ok(_)) | Err(_) => Err(sqlx::Error::PoolTimedOut),
            }
        }
        other => other,
    }
}

/// A connection that is closed unless it is [given back](Self::give_back), which says that it is in no
/// transaction and responds.
///
/// A transaction that failed may have left the connection in one, by sqlx's count at least: after a full disk
/// SQLite has rolled back by itself. And a pool pings a connection that comes back and waits for the answer
/// without a limit: one to a machine that is gone never answers, and each caller that gave up waiting would
/// occupy a place of the pool, until none are left.
pub(super) struct Lease<DB: sqlx::Database> {
    connection: Named<PoolConnection<DB>>,
    close: bool,
}

impl<DB: sqlx::Database<Connection: Connection>> Lease<DB> {
    pub(super) fn connection(&mut self) -> &mut (dyn Connection + 'static) {
        &mut self.connection
    }

    /// The connection by its own type.
    pub(super) fn typed(&mut self) -> Named<&mut DB::Connection> {
        Named::new(&mut *self.connection.inner, self.connection.names.clone())
    }

    /// The work is done.
    pub(super) fn give_back(&mut self) {
        self.close = false;
    }
}

impl<DB: sqlx::Database> Drop for Lease<DB> {
    fn drop(&mut self) {
        if self.close {
            self.connection.inner.close_on_drop();
        }
    }
}
