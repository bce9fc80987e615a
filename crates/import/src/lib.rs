#![doc = include_str!("../README.md")]
//!
//! A module per system reads a source and returns [`Imported`]: a [`Document`](novi_files::Document) for `novi apply`
//! and a [`Report`]. Readers do no I/O but for what HOCON includes, and what they cannot express exactly is in the
//! report. The modules of [`export`] write flags for other systems.

mod budget;
mod collector;
mod config;
mod dependents;
pub mod django_flags;
pub mod django_waffle;
mod error;
pub mod export;
pub mod feats;
pub mod features_service;
pub mod flagd;
pub mod flagsmith;
pub mod flipper;
pub mod follow;
pub mod growthbook;
pub mod hanoi;
mod javascript;
pub mod knora;
pub mod launchdarkly;
mod members;
pub mod optimizely;
mod options;
pub mod pennant;
pub mod posthog;
mod read;
pub mod redis;
mod report;
pub mod rollout;
mod shares;
pub mod split;
#[cfg(feature = "sql")]
pub mod sql;
mod switch;
mod table;
pub mod togglz;
pub mod unleash;
mod variations;
mod verify;

pub use collector::Imported;
pub use error::ImportError;
pub use options::Options;
pub use report::{Item, Outcome, Report};
pub use table::{FoundTable, Row, TableSpec, Tables};
