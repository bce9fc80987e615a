//! Leaf types of HTTP. They know no state, no routes and no toggles.

pub(crate) mod describe;
pub(crate) mod error;
pub(crate) mod json;
pub(crate) mod mount;
pub(crate) mod peer;
pub(crate) mod problem;
pub(crate) mod reply;
pub(crate) mod text;
pub(crate) mod trace_context;
