//! Background tasks: the snapshot file, usage, exposures, and expiry.

pub(crate) mod expiry;
pub(crate) mod exposures;
mod hourly;
pub(crate) mod remember;
mod result_counts;
pub(crate) mod snapshot_file;
pub(crate) mod usage;
