//! Connections of a pool.

use std::time::Duration;

use sqlx::{ConnectOptions as _, Pool, pool::PoolConnection};

use crate::store::sql::{connection::Connection, driver::Driver};

/// How many connections a pool of novi's own holds: one that reads, one that writes, and some for the
/// migrations and scripts of the same process. A service with other needs passes its own pool.
pub(super) const POOL_SIZE: u32 = 5;

/// How long to wait for a connection. sqlx tries again while the server refuses, and reports no more than a
/// timeout; evaluation never waits for this.
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection of the pool; on a timeout the error says why there was none.
pub(super) async fn acquire<DB: sqlx::Database>(pool: &Pool<DB>) -> Result<PoolConnection<DB>, sqlx::Error> {
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

/// A connection that is closed unless it is [given back](Self::give_back), if it leads to another machine.
///
/// A pool pings a connection that comes back and waits for the answer without a limit. One to a machine that
/// is gone never answers: each caller that gave up waiting would occupy a place of the pool, until none are
/// left.
pub(super) struct Lease<DB: Driver> {
    connection: PoolConnection<DB>,
    close: bool,
}

impl<DB: Driver> Lease<DB> {
    pub(super) async fn new(pool: &Pool<DB>) -> Result<Self, sqlx::Error> {
        Ok(Self { connection: acquire(pool).await?, close: DB::DIALECT.is_remote })
    }

    /// One whose transaction has to end with it.
    pub(super) async fn of_session(pool: &Pool<DB>) -> Result<Self, sqlx::Error> {
        // With the only connection to a database in memory the database would be gone.
        Ok(Self { connection: acquire(pool).await?, close: !DB::is_in_memory(pool) })
    }

    pub(super) fn connection(&mut self) -> &mut (dyn Connection + 'static) {
        &mut *self.connection
    }

    /// The work is done.
    pub(super) fn give_back(&mut self) {
        self.close = false;
    }
}

impl<DB: Driver> Drop for Lease<DB> {
    fn drop(&mut self) {
        if self.close {
            self.connection.close_on_drop();
        }
    }
}
