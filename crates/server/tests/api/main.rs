//! The management endpoints over real sockets; tests that write run on every database.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "these are tests")]

mod activations;
mod audience;
#[path = "../../../../tests/common/databases.rs"]
mod common;
mod description;
mod edits;
mod evaluations;
mod experiments;
mod flags;
mod impact;
mod lists;
mod outage;
mod past;
mod refusals;
mod rollback;
mod support;
mod tokens;
