//! Edits: planned with the rows of the snapshot, committed if those rows are still the same.

pub(crate) mod draft;
pub(crate) mod perform;
pub(crate) mod respond;
