//! Background tasks: the snapshot file, usage, and expiry.

pub(crate) mod expiry;
mod hourly;
mod result_counts;
pub(crate) mod snapshot_file;
pub(crate) mod usage;
