//! Flags that follow their database while rows change, connections break and servers restart.

#![allow(clippy::unwrap_used, reason = "tests, and their helpers")]

mod changes;
#[path = "../common/mod.rs"]
mod common;
mod file;
mod follow;
mod lineage;
mod outage;
mod servers;
