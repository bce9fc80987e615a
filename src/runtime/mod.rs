//! What runs behind [`Flags`](crate::Flags): the current snapshot, and the tasks that keep it fresh.

pub(crate) mod current;
#[cfg(feature = "sql")]
pub(crate) mod follow;
#[cfg(feature = "sql")]
pub(crate) mod startup;
#[cfg(feature = "sql")]
pub(crate) mod status;
#[cfg(feature = "sql")]
pub(crate) mod tasks;
