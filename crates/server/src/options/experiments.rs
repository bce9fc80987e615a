//! Where experiments are analyzed.

use std::{fmt, path::PathBuf};

/// Where `GET /api/experiments/{name}` finds assignments, outcomes and metrics. See
/// [`novi_experiments::Experiment`].
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Experiments {
    /// The address of the database, with its password; empty if there is none.
    pub database: String,
    /// What the names of novi's tables begin with.
    pub table_prefix: String,
    /// The folder with metrics. Its files are read for each report.
    pub metrics: PathBuf,
}

/// Without the address, which has a password.
impl fmt::Debug for Experiments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Experiments")
            .field("table_prefix", &self.table_prefix)
            .field("metrics", &self.metrics)
            .finish_non_exhaustive()
    }
}
