//! Stores: what databases and snapshot files hold, and what is written to them.

#![allow(clippy::unwrap_used, reason = "tests, and their helpers")]

#[path = "../common/mod.rs"]
mod common;
mod exposed;
mod history;
mod history_at;
mod members;
mod migrate;
mod snapshot_file;
mod stores;
mod together;
mod tokens;
mod usage;
mod writer;
