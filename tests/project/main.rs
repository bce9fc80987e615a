//! The project: docs that are generated from the code, examples, and the layout of the sources.

#![allow(clippy::unwrap_used, reason = "tests, and their helpers")]

mod dependencies;
mod docs;
mod english;
mod examples;
mod floors;
mod imports;
mod readme;
