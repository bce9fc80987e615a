//! Saved queries of the application's database.

use std::{collections::BTreeMap, fmt, time::Duration};

/// Queries that select callers from the application's database, by name: all that `POST /api/audience` and
/// `POST /api/impact` may run. None by default. See [`novi_audience::Query`].
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SavedQueries {
    /// The address of the database, with its password.
    pub database: String,
    /// How long a query may take; at most
    /// [`request_timeout`](crate::Options#structfield.request_timeout) counts.
    pub timeout: Duration,
    /// The queries, by name.
    pub queries: BTreeMap<String, String>,
}

/// Without the address, which has a password.
impl fmt::Debug for SavedQueries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SavedQueries")
            .field("timeout", &self.timeout)
            .field("queries", &self.queries)
            .finish_non_exhaustive()
    }
}
