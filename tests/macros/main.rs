//! The macros: the code they generate.

#![allow(clippy::unwrap_used, reason = "tests, and their helpers")]

#[path = "../common/mod.rs"]
mod common;
mod declare;
mod factory;
mod feature;
mod guard;
mod guard_expose;
mod guard_key;
mod registration;
// Public, because one of its types tests what is public.
pub mod to_context;
