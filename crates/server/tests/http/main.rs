//! The server over real sockets.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod access;
mod bodies;
#[path = "../common/mod.rs"]
mod common;
mod connections;
mod cors;
mod evaluated_flags;
mod events;
mod flags;
mod gate;
mod health;
mod http2;
mod large;
mod logs;
mod metrics;
mod mounted;
mod names;
mod ofrep;
mod panics;
mod python;
mod requests;
mod routes;
mod secrets;
mod shutdown;
mod slow;
mod spec;
mod swap;
mod tls;
mod toggles;
mod tokens;
