#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod analysis;
pub mod bandit;
pub mod distribution;
pub mod metric;
pub mod power;
mod problem;
mod summary;

pub use problem::{Problem, Side};
pub use summary::Summary;
