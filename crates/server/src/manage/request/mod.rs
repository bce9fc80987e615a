//! The input of handlers.

pub(crate) mod fields;
pub(crate) mod filters;
pub(crate) mod integer;
pub(crate) mod json_body;
pub(crate) mod moment;
pub(crate) mod operation;
pub(crate) mod params;
