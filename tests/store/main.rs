//! Stores: reading and writing rows in databases and snapshot files.

#![allow(clippy::unwrap_used, reason = "tests, and their helpers")]

mod commit_past;
#[path = "../common/mod.rs"]
mod common;
mod concurrent_edits;
mod connections;
mod definitions;
mod ensure;
mod experiments;
mod exposed;
mod exposures;
mod galera;
mod history;
mod history_at;
mod lives;
mod members;
mod migrate;
mod plain_sql;
mod remember;
mod repair;
mod schemas;
mod snapshot_file;
mod stores;
mod table_prefix;
mod together;
mod tokens;
mod usage;
mod validation;
mod writer;
