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
mod drift;
mod errors;
mod export;
mod files;
mod flag_tests;
mod folder;
mod health;
mod help;
mod history;
mod impact;
mod lint;
mod names;
mod pipes;
mod promote;
mod pull;
mod reference;
mod serve;
mod shortcut;
mod signals;
mod stale;
mod support;
mod telemetry;
mod token;
mod versions;
mod watch;
