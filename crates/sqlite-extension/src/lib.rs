//! novi inside SQLite: a loadable extension whose functions evaluate flags in queries.
//!
//! ```sql
//! .load ./libnovi_sqlite
//! select id from users where novi_enabled('New checkout', 'targetingKey', id, 'country', country);
//! ```
//!
//! The functions read novi's tables through the connection that runs the query: they need no address, and see what the
//! query sees, including changes of its own transaction. `docs/how-to/sqlite-extension.md` describes them.

mod arguments;
mod entry;
mod functions;
mod moment;
mod problem;
mod rows;
mod state;
