//! Background tasks: the snapshot file, usage, and expiry.

pub(crate) mod expiry;
pub(crate) mod snapshot_file;
pub(crate) mod usage;
