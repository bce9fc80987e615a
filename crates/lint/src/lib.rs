#![doc = include_str!("../README.md")]

mod certainty;
mod experiments;
mod finding;
mod rules;
mod subject;
mod switch;

pub use finding::Finding;
pub use rules::findings;
