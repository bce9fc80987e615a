//! Background tasks: the snapshot file, usage, and expiry.

#[cfg(feature = "sql")]
pub(crate) mod expiry;
#[cfg(feature = "sql")]
pub(crate) mod snapshot_file;
#[cfg(feature = "sql")]
pub(crate) mod usage;
