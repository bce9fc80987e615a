//! A feature-flag engine whose flags live in your own SQL database.
//!
//! ```
//! use novi::{Context, Flags, store};
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! # let folder = tempfile::tempdir()?;
//! # let url = &format!("sqlite://{}/novi.db", folder.path().display());
//! let database = store::create(url).await?;
//! database.migrate().await?;
//! database.run_script(store::DEMO_ROWS).await?;
//!
//! let flags = Flags::connect(url).await?;
//! let ctx = Context::new().with("currentDateTime", "11/26/2023 12:00 AM").with("seed", 90);
//! assert!(flags.is_enabled("Combo AND", &ctx));
//! assert_eq!(flags.evaluate("Combo AND", &ctx)?.variant(), Some("A"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Concepts
//! A **flag** is on when its status is on and all of its **activations** are. An activation is a row: a class name, which
//! names a registered type, and a JSON config. It answers for a **context**, what is known of the caller. All rows of one
//! revision compile into an immutable [`Snapshot`], which [`Flags`] replace as a whole when the rows change. A row that does
//! not compile is an [`Issue`] and hurts only the flags that need it.
//!
//! # Map
//! | to | see |
//! |---|---|
//! | ask | [`Flags`], [`Context`], [`Decision`], [`Trace`] |
//! | make a context from a struct, JSON or anything of serde | [`trait@ToContext`], [`Context::from_serialize`] |
//! | override flags in tests, tools and requests | [`with_overrides`], [`in_overrides`], [`with_request_overrides`] |
//! | guard a function | [`macro@enabled`], [`with_context`], [`in_context`] |
//! | choose between implementations | [`trait@Feature`], [`Flags::choose`], [`choose`], [`manifest`] |
//! | test | `novi::testing` (feature `testing`), [`with_overrides`] |
//! | write a type | [`macro@activation`], [`Activation`], [`Check`], [`Registry`]; [`FlagsBuilder::activations_folder`] |
//! | reach a database | [`store`], [`rows`] |
//! | change flags, also in a transaction of your own | [`Writer`], [`store::Edit`], [`Plan`] |
//! | do without the database, or without tokio | [`FlagsBuilder::snapshot_file`], [`SnapshotFile`], [`FlagsBuilder::connect_blocking`], [`Flags::status`] |
//! | know when answers change by themselves | [`Flags::next_change`] |
//! | configure | [`config::Config`], [`FlagsBuilder`] |
//! | serve over HTTP | the crate `novi-server` |
//! | be asked through OpenFeature's SDK | the crate `novi-openfeature` |
//!
//! # Features
//! `sqlite` (default), `postgres` and `mysql` bring a database each, and with the first of them sqlx and tokio; `macros` (default)
//! the attributes; `testing` flags in memory for tests and a contract for activation types. Without any, rows come from memory ([`Flags::from_rows`]).
//!
//! # What it does not do
//! Experiments' statistics, and storing who got which variant.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod activation;
mod builtin;
pub mod config;
mod context;
mod error;
mod flags;
pub mod rows;
mod runtime;
mod snapshot;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;

pub use activation::evaluation::Check;
pub use activation::registry::{ActivationType, RegisteredActivation, Registry};
pub use activation::{Activation, Child, Children, Compile, Problem, Variant, Verdict};
pub use builtin::rollout::split::reweight::{ReweightError, Reweighted, reweighted};
pub use context::current::{current_context, in_context, with_context};
pub use context::from_serialize::ContextError;
pub use context::override_scope::{
    InOverrides, RequestOverrides, in_overrides, in_request_overrides, with_overrides, with_request_overrides,
};
pub use context::overrides::{
    Override,
    Override::{Off, On},
    Overrides,
};
pub use context::to_context::{ToContext, ToValue};
pub use context::value::Value;
pub use context::{Context, TARGETING_KEY};
pub use error::{Error, Result};
pub use flags::choose::choose;
pub use flags::guard::FlagDisabled;
pub use flags::handle::FlagHandle;
#[cfg(feature = "macros")]
pub use flags::macros::{Feature, ToContext, activation, enabled, feature};
pub use flags::writer::{Effect, FieldChange, Plan, PlannedRow, Validator, WayBack, Writer};
pub use flags::{Flags, FlagsBuilder};
pub use rows::Revision;
pub use rows::conflict::Conflict;
pub use rows::expired::{Expired, ExpiredFlag};
pub use rows::issue::Issue;
#[cfg(feature = "sql")]
pub use runtime::follow::subscription::{Changes, Subscription};
#[cfg(feature = "sql")]
pub use runtime::status::{Origin, Status};
pub use snapshot::decision::{Decision, Reason};
pub use snapshot::feature::{Feature, FeatureKind, Manifest, ManifestFeature, RegisteredFeature, manifest};
pub use snapshot::guard::SnapshotGuard as Guard;
pub use snapshot::{Evaluations, Filter, Input, Settings, Snapshot, Trace, TraceNode, TraceNode as Asked};
/// The version of sqlx whose pools the stores take.
#[cfg(feature = "sql")]
pub use sqlx;
#[cfg(feature = "sql")]
pub use store::backoff::Backoff;
pub use store::file::{SnapshotFault, SnapshotFile};
#[cfg(feature = "sql")]
pub use store::tokens::secret as token;

/// What the macros of novi need in the code they write; not for use by hand.
#[doc(hidden)]
pub mod __private {
    pub use crate::context::to_context::derived;
    pub use crate::flags::choose::choose_with as choose;
    pub use crate::flags::guard::{AsFlags, FromFlagDisabled, Guarded, is_enabled, is_on};
    pub use crate::snapshot::feature::derived as feature;
    pub use inventory;
    pub use schemars;
    pub use serde;
}

/// The README's examples.
#[cfg(all(doctest, feature = "sqlite", feature = "macros"))]
#[doc = include_str!("../README.md")]
struct Readme;
