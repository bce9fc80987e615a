//! Endpoints that only read.

pub(crate) mod evaluated_flags;
pub(crate) mod features;
pub(crate) mod flag_view;
pub(crate) mod flags;
pub(crate) mod health;
pub(crate) mod metrics;
