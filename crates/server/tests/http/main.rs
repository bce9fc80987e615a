//! The endpoints over real sockets; one module for each of the server's rooms.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod bodies;
#[path = "../common/mod.rs"]
mod common;
mod evaluated_flags;
mod events;
mod flags;
mod health;
mod metrics;
mod mounted;
mod names;
mod ofrep;
mod panics;
mod requests;
mod routes;
mod shutdown;
mod slow;
mod swap;
mod toggles;
