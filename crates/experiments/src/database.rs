//! The database of an analysis.

use std::time::Duration;

/// A database with assignments next to the tables of the application, and how it is read.
///
/// ```
/// use std::time::Duration;
/// let database = novi_experiments::Database::new("sqlite://shop.db").timeout(Duration::from_secs(30));
/// # let _ = novi_experiments::Experiment::new(database, "checkout");
/// ```
#[derive(Clone, Debug)]
pub struct Database {
    pub(crate) url: String,
    pub(crate) table_prefix: String,
    pub(crate) timeout: Option<Duration>,
}

impl Database {
    /// The database at this address.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), table_prefix: String::new(), timeout: None }
    }

    /// What the names of novi's tables begin with.
    #[must_use]
    pub fn table_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.table_prefix = prefix.into();
        self
    }

    /// How long each query may take: by default ten minutes, and a minute for a guard.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The same, with a time limit if it has none.
    pub(crate) fn within(mut self, default: Duration) -> Self {
        self.timeout = self.timeout.or(Some(default));
        self
    }
}

impl From<&str> for Database {
    fn from(url: &str) -> Self {
        Self::new(url)
    }
}

impl From<&String> for Database {
    fn from(url: &String) -> Self {
        Self::new(url)
    }
}

impl From<String> for Database {
    fn from(url: String) -> Self {
        Self::new(url)
    }
}
