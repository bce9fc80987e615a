//! A feature-flag engine whose flags live in your own SQL database.

mod activation;
mod activations;
#[cfg(feature = "macros")]
mod attributes;
mod bucket;
mod check;
pub mod config;
mod context;
mod current;
mod decision;
mod error;
mod flags;
mod guard;
mod issue;
mod overrides;
mod registry;
pub mod rows;
mod similar;
mod snapshot;
pub mod store;
mod value;
#[cfg(feature = "sql")]
mod watch;

pub use activation::{Activation, Child, Children, Compile, Problem, Variant, Verdict};
#[cfg(feature = "macros")]
pub use attributes::{activation, enabled};
pub use check::Check;
pub use context::{Context, TARGETING_KEY};
pub use current::{current_context, in_context, with_context};
pub use decision::{Decision, Reason};
pub use error::{Error, Result};
pub use flags::{Flags, FlagsBuilder, Guard};
pub use guard::FlagDisabled;
pub use issue::Issue;
pub use overrides::{Override, Overrides};
pub use registry::{ActivationType, RegisteredActivation, Registry};
pub use rows::Revision;
pub use snapshot::{Asked, Input, Settings, Snapshot, Trace};
pub use value::Value;
#[cfg(feature = "sql")]
pub use watch::Status;

/// What the macros of novi need in the code they write; not for use by hand.
#[doc(hidden)]
pub mod __private {
    pub use crate::guard::{AsContext, AsFlags, is_enabled};
    pub use inventory;
    pub use schemars;
    pub use serde;
}
