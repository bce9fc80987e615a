//! `/api/experiments`: experiments as rows, and what they say.

pub(crate) mod change;
pub(crate) mod list;
pub(crate) mod metrics;
pub(crate) mod report;
