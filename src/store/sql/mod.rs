//! Rows in SQLite, PostgreSQL and MySQL.
//!
//! [`Connection`] is one narrow trait over the connections of sqlx; everything above it is ordinary code,
//! written once. A database is a file: its [`Dialect`](dialect::Dialect), which has the statements that
//! differ, and its [`Driver`].

mod adopt;
mod assignment_store;
mod assignments;
mod connection;
mod database_file;
mod definition;
mod dialect;
mod driver;
mod evaluations;
#[cfg(feature = "mysql")]
mod galera;
mod history;
mod inspect;
mod lives;
mod migrate;
#[cfg(feature = "mysql")]
mod mysql;
mod names;
mod past;
mod pool;
#[cfg(feature = "postgres")]
mod postgres;
mod read;
mod records;
mod schema;
mod script;
mod session;
#[cfg(feature = "sqlite")]
mod sqlite;
mod steps;
mod store;
mod tokens;
mod usage;
mod write;

pub(super) use connection::{Connection, Named};
pub(super) use driver::Driver;
#[cfg(feature = "mysql")]
pub use mysql::MySqlStore;
pub(super) use names::Names;
#[cfg(feature = "postgres")]
pub use postgres::PostgresStore;
pub(super) use read::all_rows;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;
pub(super) use write::write;
