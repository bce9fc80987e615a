//! Feature flags stored as rows in your own SQL database.
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
//! A **flag** is on when its status is on and all of its **activations** are on. An activation is a row: a
//! class name, which names a registered type, and a JSON config. It is evaluated for a **context**, the
//! attributes of the caller. All rows of one revision compile into an immutable
//! [`Snapshot`](snapshot::Snapshot), which [`Flags`] replace as a whole when the rows change. An invalid row
//! is an [`Issue`](rows::Issue) and affects only the flags that depend on it.
//!
//! # Map
//! | to | see |
//! |---|---|
//! | evaluate flags | [`Flags`], [`FlagHandle`], [`Context`], [`Decision`] |
//! | see why a flag is on or off | [`Flags::explain`], [`snapshot::Trace`] |
//! | create a context from a struct, JSON or anything of serde | [`trait@ToContext`], [`Context::from_serialize`] |
//! | guard a function | [`macro@enabled`], [`context::sync_scope`], [`context::scope`] |
//! | choose between implementations | [`trait@Feature`], [`Flags::choose`], [`choose`], [`manifest`] |
//! | override flags in tests, tools and requests | [`overrides`] |
//! | test | `novi::testing` (feature `testing`), [`overrides`] |
//! | write an activation type | [`macro@activation`], [`mod@activation`], [`FlagsBuilder::activations_folder`] |
//! | connect to a database | [`store`], [`rows`] |
//! | change flags, also in your own transaction | [`flags::Writer`], [`store::Edit`], [`snapshot::Plan`] |
//! | create flags that the code needs | [`Flags::ensure`], [`FlagsBuilder::ensure`] |
//! | run without the database, or without tokio | [`FlagsBuilder::snapshot_file`], [`FlagsBuilder::connect_blocking`], [`Flags::status`] |
//! | know when decisions change by time alone | [`Flags::next_change`] |
//! | configure | [`config::Config`], [`FlagsBuilder`] |
//! | see who has a flag, among the users of a database | [`snapshot::Audience`], the crate `novi-audience` |
//! | record who saw which variant, for experiments | [`Flags::expose`], the crate `novi-experiments` |
//! | serve over HTTP | the crate `novi-server` |
//! | evaluate through OpenFeature's SDK | the crate `novi-openfeature` |
//!
//! # Features
//! | feature | default | what it brings |
//! |---|---|---|
//! | `sqlite`, `postgres`, `mysql` | | a database each, with sqlx and tokio |
//! | `macros` | yes | the attributes and derives |
//! | `expression` | yes | `novi.expression`, and files of expressions |
//! | `cron` | | cron expressions in `novi.schedule` |
//! | `testing` | | flags in memory, and contracts of activation types and stores |
//!
//! Without a database rows come from memory ([`Flags::from_rows`]) or a file ([`Flags::from_file`]).
//!
//! # Limits
//! The engine has no statistics of experiments, which are the crates `novi-experiments` and `novi-stats`. It stores
//! which caller had which variant if a program [exposes](Flags::expose) it.
//!
//! # Compatibility
//! An enum or a struct with public fields is `#[non_exhaustive]` if novi creates it. Rows, changes and
//! settings, which programs create, are exhaustive; they have `Default` or a constructor. Store traits that
//! depend on novi's tables are sealed.
#![cfg_attr(
    all(feature = "sql", not(any(feature = "sqlite", feature = "postgres", feature = "mysql"))),
    allow(
        dead_code,
        unused_imports,
        unused_macros,
        unreachable_pub,
        reason = "code of stores that no database uses"
    )
)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod activation;
pub mod builtin;
pub mod config;
pub mod context;
pub mod error;
pub mod flags;
pub mod rows;
mod runtime;
pub mod snapshot;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;

/// Overrides of the running code: of a call, a task, or a request.
///
/// They take precedence over `[overrides]` of `novi.toml`, which takes precedence over the rows. An override
/// of the request wins over one in code, unless the flag forbids overrides by requests.
pub mod overrides {
    pub use crate::context::override_scope::{
        OverrideFuture, RequestOverrides, request_scope, request_sync_scope, scope, sync_scope,
    };
    pub use crate::context::overrides::{
        Override,
        Override::{Off, On},
        Overrides,
    };
}

pub use context::{Context, ToContext, Value};
pub use error::{Error, Result};
pub use flags::choose::choose;
#[cfg(feature = "macros")]
pub use flags::macros::{Feature, ToContext, activation, enabled, feature};
pub use flags::{Declaration, FlagHandle, Flags, FlagsBuilder, guard::FlagDisabled};
pub use snapshot::{Decision, Feature, Reason, manifest};
/// The version of sqlx whose pools the stores take.
#[cfg(feature = "sql")]
pub use sqlx;

/// Support for code that the macros of novi generate; not for use by hand.
#[doc(hidden)]
pub mod __private {
    pub use crate::context::to_context::derived;
    pub use crate::flags::choose::choose_with as choose;
    pub use crate::flags::ensure::RegisteredDeclaration;
    pub use crate::flags::guard::{AsFlags, FromFlagDisabled, Guarded, is_enabled, is_on, is_on_exposed};
    pub use crate::snapshot::feature::derived as feature;
    pub use inventory;
    pub use schemars;
    pub use serde;
}

/// The examples of the README and of the pages below `docs/how-to`.
#[cfg(all(doctest, feature = "sqlite", feature = "macros", feature = "testing"))]
mod pages {
    #[doc = include_str!("../README.md")]
    struct Readme;
    #[doc = include_str!("../docs/how-to/guard-a-route.md")]
    struct GuardARoute;
    #[doc = include_str!("../docs/how-to/kill-switch.md")]
    struct KillSwitch;
    #[doc = include_str!("../docs/how-to/migration.md")]
    struct Migration;
    #[doc = include_str!("../docs/how-to/transaction.md")]
    struct Transaction;
    #[doc = include_str!("../docs/how-to/remove-a-flag.md")]
    struct RemoveAFlag;
    #[doc = include_str!("../docs/how-to/test.md")]
    struct Test;
}
