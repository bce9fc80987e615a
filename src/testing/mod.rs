//! A test kit: flags in memory, and contracts of activation types and stores. Requires the feature `testing`.
//!
//! ```toml
//! [dev-dependencies]
//! novi = { version = "0.1", features = ["testing"] }
//! ```
//!
//! - [`TestFlags`] builds flags in memory, to pass to the code under test. If that code obtains its flags
//!   elsewhere, override them with [`overrides`](crate::overrides).
//! - [`contract`] checks an activation type of your own.
//! - [`store::run`] checks a store of your own.

mod contract;
mod flags;
mod generate;
mod schema;
pub mod store;

pub use contract::{Contract, contract, contract_of};
pub use flags::{TestFlag, TestFlags};
