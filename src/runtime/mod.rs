//! What runs behind [`Flags`](crate::Flags): the core with the current snapshot, and the tasks that keep it
//! up to date.

#[cfg(feature = "sql")]
pub(crate) mod answer_within;
pub(crate) mod core;
pub(crate) mod current;
#[cfg(feature = "sql")]
pub(crate) mod exposures;
#[cfg(feature = "sql")]
pub(crate) mod follow;
#[cfg(feature = "sql")]
pub(crate) mod startup;
#[cfg(feature = "sql")]
pub(crate) mod status;
#[cfg(feature = "sql")]
pub(crate) mod subscription;
#[cfg(feature = "sql")]
pub(crate) mod tasks;
pub(crate) mod unknown_flags;
