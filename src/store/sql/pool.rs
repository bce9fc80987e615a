//! A connection that may hang.

use std::ops::{Deref, DerefMut};

use sqlx::{Database, Pool, pool::PoolConnection};

use crate::store::sql::acquire;

/// A connection of a pool that is closed unless it is [given back](Self::give_back).
///
/// A pool asks a connection that comes back whether it is well, and waits for the answer without an end. One to a machine that is
/// gone never answers: whoever lost patience with it would take a place of the pool with each try, until there are none left.
pub(in crate::store) struct Lent<DB: Database> {
    connection: PoolConnection<DB>,
    close: bool,
}

/// Takes a connection; `may_hang` says whether to close it if the work on it is given up or fails.
pub(in crate::store) async fn lend<DB: Database>(
    pool: &Pool<DB>,
    may_hang: bool,
) -> Result<Lent<DB>, sqlx::Error> {
    Ok(Lent { connection: acquire(pool).await?, close: may_hang })
}

impl<DB: Database> Lent<DB> {
    /// The work is done.
    pub(in crate::store) fn give_back(mut self) {
        self.close = false;
    }
}

impl<DB: Database> Drop for Lent<DB> {
    fn drop(&mut self) {
        if self.close {
            self.connection.close_on_drop();
        }
    }
}

impl<DB: Database> Deref for Lent<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        &self.connection
    }
}

impl<DB: Database> DerefMut for Lent<DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        &mut self.connection
    }
}
