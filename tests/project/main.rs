//! The project: docs that are generated from the code, examples, and the layout of the sources.

#![allow(clippy::unwrap_used, reason = "tests, and their helpers")]

#[path = "../common/mod.rs"]
mod common;
mod dependencies;
mod docs;
mod english;
mod examples;
mod floors;
mod imports;
mod logs;
mod readme;
mod reference;
mod tour;
