//! novi and other engines on the same flags, users and questions, in one process.
//!
//! Each engine is a file of [`engines`], behind the trait [`Engine`](engine::Engine). Before anything is timed, its answers
//! are held against the [`oracle`]. The binary `novi-peers` measures time, `counts` counts allocations and bytes,
//! and `instructions` is run by valgrind.

pub mod bars;
pub mod chart;
pub mod clock;
pub mod counts;
pub mod definition;
pub mod engine;
pub mod engines;
pub mod machine;
pub mod measure;
pub mod oracle;
pub mod page;
pub mod results;
pub mod tables;
pub mod users;

#[path = "../../floor/mod.rs"]
pub mod floor;
