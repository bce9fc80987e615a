//! Writing in a transaction that is somebody else's.

use crate::store::{BoxFuture, Edit};
use crate::{error::Result, rows::Rows};

/// A connection whose transaction novi can write in: sqlx's `Transaction`, `PoolConnection` and connections of SQLite,
/// PostgreSQL and MySQL. Nobody else implements it; [`Writer`](crate::flags::writer::Writer) takes it.
pub trait WriteConnection: Sealed + Send {
    /// Makes an edit in the transaction that the connection is in, between a savepoint of its own and the release of that:
    /// when it fails nothing of it is there, and the transaction goes on where the database lets it.
    #[doc(hidden)]
    fn write<'a>(&'a mut self, edit: &'a Edit) -> BoxFuture<'a, Result<()>>;

    /// All rows, as the transaction sees them.
    #[doc(hidden)]
    fn rows(&mut self) -> BoxFuture<'_, Result<Rows>>;
}

pub trait Sealed {}
