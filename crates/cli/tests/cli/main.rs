//! The binary, as people and programs use it. `snapshots/` has transcripts of what they see.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod access;
mod change;
mod check;
mod commands;
#[path = "../../../../tests/common/databases.rs"]
mod common;
mod config;
mod context;
mod errors;
mod export;
mod files;
mod folder;
mod health;
mod help;
mod history;
mod impact;
mod import;
mod import_redis;
mod lint;
mod names;
mod pipes;
mod reference;
mod refs;
mod serve;
mod shortcut;
mod signals;
mod stale;
mod support;
mod telemetry;
mod token;
mod versions;
mod watch;
