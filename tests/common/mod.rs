//! Helpers that the tests of several programs share.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each program uses some of it")]

pub mod askers;
pub mod databases;
pub mod hashes;
pub mod log;
pub mod proxy;
pub mod rows;
pub mod until;
