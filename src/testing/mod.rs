//! For tests: flags in memory, and a contract that every activation type is held to. With the feature `testing`.
//!
//! ```toml
//! [dev-dependencies]
//! novi = { version = "0.1", features = ["testing"] }
//! ```
//!
//! [`TestFlags`] are flags of a test's own, to hand to the code that asks them. Where the code asks flags that it has
//! from elsewhere, [`with_overrides`](crate::context::override_scope::with_overrides) says what they answer.
//!
//! [`contract`] is for authors of activation types: it tries what rows and callers may do to one.

mod contract;
mod flags;
mod generate;
mod schema;
pub mod store;

pub use contract::{Contract, contract, contract_of};
pub use flags::{TestFlag, TestFlags};
