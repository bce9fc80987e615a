//! A feature-flag engine whose flags live in your own SQL database.

mod activation;
mod check;
mod context;
mod error;
mod registry;
pub mod rows;
mod similar;
pub mod store;
mod value;

pub use activation::{Activation, Child, Children, Compile, Problem, Variant, Verdict};
pub use check::Check;
pub use context::{Context, TARGETING_KEY};
pub use error::{Error, Result};
pub use registry::{ActivationType, RegisteredActivation, Registry};
pub use rows::Revision;
pub use value::Value;

/// What the macros of novi need in the code they write; not for use by hand.
#[doc(hidden)]
pub mod __private {
    pub use inventory;
    pub use schemars;
    pub use serde;
}
