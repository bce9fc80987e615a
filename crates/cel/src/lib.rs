#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod arithmetic;
mod ast;
mod borrowed;
mod calendar;
mod calls;
mod convert;
mod describe;
mod duration;
mod error;
mod evaluate;
mod functions;
mod ir;
mod lexer;
mod math;
mod number;
mod options;
mod parser;
mod program;
mod resolve;
mod span;
mod stack;
mod strings;
mod types;
mod value;
mod variables;
mod version;

pub use borrowed::{Fields, Sequence};
pub use error::{CompileError, ErrorKind, EvaluationError};
pub use options::Options;
pub use program::{Expression, Outcome, Program};
pub use span::Span;
pub use types::Type;
pub use value::{List, Map, Str, Value};
pub use variables::Variables;
pub use version::Version;

/// The longest source, in bytes.
pub const MAX_SOURCE: usize = 64 * 1024;

/// The deepest nesting. An evaluation recurses as deep, also on a stack of 256 KiB and in a build without
/// optimization, where a macro takes 4 KiB per level. CEL requires at least 12 levels.
pub const MAX_DEPTH: u32 = 32;

/// The most steps of one evaluation, about two milliseconds. An operator takes one step, as do 16 bytes of a
/// string and each item that is read.
pub const MAX_STEPS: u32 = 100_000;
