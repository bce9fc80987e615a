//! The extension in a real SQLite: the program `sqlite3`, which must be installed.

#![allow(clippy::unwrap_used, reason = "tests, and their helpers")]

mod arguments;
mod following;
mod generated;
mod host;
mod parity;
mod settings;
#[allow(dead_code, reason = "shared with the tests of the engine")]
#[path = "../../../../tests/spec/suite.rs"]
mod suite;
mod vectors;
mod version;
