//! Management: everything below `/api`.
//!
//! Reads use the current snapshot, so that they work while the database is unavailable. Writes are
//! [edits](edit): planned with the rows of the snapshot, committed if those rows are still the same, and
//! answered once this server uses the new rows.

pub(crate) mod activations;
pub(crate) mod audience;
pub(crate) mod caller;
pub(crate) mod contexts;
pub(crate) mod edit;
pub(crate) mod edits;
pub(crate) mod error;
pub(crate) mod evaluate;
pub(crate) mod evaluations;
pub(crate) mod experiments;
pub(crate) mod explain;
pub(crate) mod flags;
pub(crate) mod history;
pub(crate) mod impact;
pub(crate) mod issues;
pub(crate) mod lint;
pub(crate) mod members;
pub(crate) mod read_edit;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod rollback;
pub(crate) mod stale;
pub(crate) mod status;
pub(crate) mod timeline;
pub(crate) mod tokens;
pub(crate) mod types;
