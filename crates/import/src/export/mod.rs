//! The way out: flags of novi as those of other systems.
//!
//! Each module writes the file of one system, and reports of each flag whether it is the same there.

mod attribute;
mod condition;
mod draw;
pub mod flagd;
pub mod ofrep;
pub mod openfeature;
mod reader;
mod source;
mod time;
pub mod unleash;
mod values;

pub use source::Exported;
