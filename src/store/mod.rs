//! Stores of rows: in memory, in a snapshot file, and in the three databases.
//!
//! Reading ([`ReadStore`]) is all that evaluation needs. Writing ([`WriteStore`]), the history
//! ([`HistoryStore`]) and the tables themselves ([`SchemaStore`]) are traits of their own.

mod apply;
mod assignments;
#[cfg(feature = "sql")]
pub(crate) mod backoff;
pub(crate) mod change;
mod connect;
mod constraints;
#[cfg(any(feature = "sql", feature = "sqlite-rows"))]
#[cfg_attr(not(feature = "sql"), allow(dead_code, reason = "tokens and the history are read by sqlx only"))]
mod decode;
pub(crate) mod delta;
mod edit;
mod evaluations;
pub(crate) mod file;
mod flag_evaluations;
pub(crate) mod future;
#[cfg(feature = "sql")]
mod hints;
pub mod history;
#[cfg(feature = "sql")]
mod lazy;
mod memory;
mod read;
mod schema;
mod sealed;
#[cfg(feature = "sql")]
mod sql;
#[cfg(any(feature = "sqlite", feature = "sqlite-rows"))]
pub mod sqlite_rows;
mod stale;
pub(crate) mod table_prefix;
#[cfg(feature = "sql")]
pub(crate) mod tokens;
#[cfg(feature = "sql")]
mod transaction;
mod url;
mod usage;
mod write;

pub use apply::EditedRows;
pub(crate) use apply::sort;
#[cfg(feature = "sql")]
pub(crate) use assignments::forgotten;
pub use assignments::{Assignment, AssignmentRow, AssignmentStore, LONGEST_UNIT, VariantAssignments};
#[cfg(feature = "sql")]
pub use backoff::Backoff;
pub use change::{Author, Change, FieldChange};
pub use connect::{DEMO_ROWS, connect, create};
pub use delta::{Cursor, Delta, Fingerprint, ReadSession, Selection, Since};
pub use edit::{Edit, Expected, RowKey, Validate};
pub use evaluations::{HourlyEvaluations, MOST_VARIANTS, OTHER_VARIANTS};
pub use file::SnapshotFile;
pub use flag_evaluations::{FlagEvaluations, ResultEvaluations};
pub use future::BoxFuture;
#[cfg(feature = "sql")]
pub use hints::Hints;
pub use history::HistoryStore;
#[cfg(feature = "sql")]
pub(crate) use lazy::{LazyStore, is_transient};
pub use memory::MemoryStore;
pub use read::ReadStore;
pub use schema::{Migrated, SchemaState, SchemaStore};
#[cfg(feature = "mysql")]
pub use sql::MySqlStore;
#[cfg(feature = "postgres")]
pub use sql::PostgresStore;
#[cfg(feature = "sqlite")]
pub use sql::SqliteStore;
pub use stale::{StaleFlag, Staleness, stale};
pub use table_prefix::{prefix as table_prefix, without_prefix};
#[cfg(feature = "sql")]
pub use tokens::secret as token;
#[cfg(feature = "sql")]
pub use tokens::{NewToken, Rotated, Rotation, StoredToken, TokenRow, TokenStore, TokenUse};
#[cfg(feature = "sql")]
pub use transaction::WriteConnection;
pub use usage::{FlagUsage, Usage, UsageReport, UsageStore};
pub use write::WriteStore;
