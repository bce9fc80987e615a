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

mod activation;
mod activations;
#[cfg(feature = "macros")]
mod attributes;
#[cfg(feature = "sql")]
mod backoff;
#[cfg(feature = "sql")]
mod blocking;
mod bucket;
mod check;
mod choose;
pub mod config;
mod conflict;
mod context;
mod counters;
mod current;
mod decision;
mod error;
mod expired;
#[cfg(feature = "sql")]
mod expiry;
mod feature;
mod flags;
mod folder;
mod from_serialize;
mod guard;
mod handle;
mod issue;
mod layers;
mod overrides;
mod present;
mod ranges;
mod registry;
pub mod rows;
mod similar;
mod snapshot;
mod snapshot_file;
#[cfg(feature = "sql")]
mod snapshot_writer;
#[cfg(feature = "sql")]
mod status;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod text;
mod texts;
mod timestamp;
mod to_context;
#[cfg(feature = "sql")]
pub mod token;
mod typed;
#[cfg(feature = "sql")]
mod upkeep;
#[cfg(feature = "sql")]
mod usage_recorder;
mod value;
#[cfg(feature = "sql")]
mod watch;
mod within;
mod writer;

pub use activation::{Activation, Child, Children, Compile, Problem, Variant, Verdict};
pub use activations::{ReweightError, Reweighted, reweighted};
#[cfg(feature = "macros")]
pub use attributes::{Feature, ToContext, activation, enabled, feature};
#[cfg(feature = "sql")]
pub use backoff::Backoff;
pub use check::Check;
pub use choose::choose;
pub use conflict::Conflict;
pub use context::{Context, TARGETING_KEY};
pub use current::{current_context, in_context, with_context};
pub use decision::{Decision, Reason};
pub use error::{Error, Result};
pub use expired::{Expired, ExpiredFlag};
pub use feature::{Feature, FeatureKind, Manifest, ManifestFeature, RegisteredFeature, manifest};
pub use flags::{Flags, FlagsBuilder};
pub use from_serialize::ContextError;
pub use guard::FlagDisabled;
pub use handle::FlagHandle;
pub use issue::Issue;
pub use layers::{
    InOverrides, RequestOverrides, in_overrides, in_request_overrides, with_overrides, with_request_overrides,
};
pub use overrides::{
    Override,
    Override::{Off, On},
    Overrides,
};
pub use present::Guard;
pub use registry::{ActivationType, RegisteredActivation, Registry};
pub use rows::Revision;
pub use snapshot::{Asked, Evaluations, Filter, Input, Settings, Snapshot, Trace};
pub use snapshot_file::{SnapshotFault, SnapshotFile};
/// The version of sqlx whose pools the stores take.
#[cfg(feature = "sql")]
pub use sqlx;
#[cfg(feature = "sql")]
pub use status::{Origin, Status};
pub use to_context::{ToContext, ToValue};
pub use value::Value;
#[cfg(feature = "sql")]
pub use watch::{Changes, Subscription};
pub use writer::{Effect, FieldChange, Plan, PlannedRow, Validator, WayBack, Writer};

/// What the macros of novi need in the code they write; not for use by hand.
#[doc(hidden)]
pub mod __private {
    pub use crate::choose::choose_with as choose;
    pub use crate::feature::derived as feature;
    pub use crate::guard::{AsFlags, FromFlagDisabled, Guarded, is_enabled, is_on};
    pub use crate::to_context::derived;
    pub use inventory;
    pub use schemars;
    pub use serde;
}

/// The README's examples.
#[cfg(all(doctest, feature = "sqlite", feature = "macros"))]
#[doc = include_str!("../README.md")]
struct Readme;
