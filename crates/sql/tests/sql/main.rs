//! Flags in SQL decide as evaluations do.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod cases;
mod equality;
mod generator;
mod refusals;
