#![doc = include_str!("../README.md")]
//!
//! [`Document::from_rows`] describes rows, [`Format`] reads and writes the texts, and [`Document::target`] says which
//! rows a document wants: what leads there is [`novi::store::history::rollback`].

mod document;
mod edit;
mod export;
mod format;
mod parse_error;
mod pull;
mod references;
mod rename;
mod target;
mod tree;

pub use document::{Activated, Activation, Document, FailModeName, Flag, Ignored, Moment, OwnActivation};
pub use edit::EditError;
pub use format::Format;
pub use parse_error::ParseError;
pub use pull::{Pull, pull};
pub use target::{Problem, Target, Unmanaged};
pub use tree::Tree;
