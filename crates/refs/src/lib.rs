#![doc = include_str!("../README.md")]

mod alias;
mod calls;
mod cleanup;
mod comment;
mod find;
mod report;

pub use cleanup::{Answer, Cleaned, Cleaner, Leftover, SyntaxError, UnknownVariant, cleanup};
pub use find::{Options, find, rust_files};
pub use report::{Kind, Reference, Report, Skipped, Unknown};
