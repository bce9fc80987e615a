//! The output of handlers.

pub(crate) mod page;
pub(crate) mod plan;
pub(crate) mod row;
pub(crate) mod view;
