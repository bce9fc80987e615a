#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod error;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod numeric;
#[cfg(feature = "postgres")]
mod postgres;
mod query;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod stream;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod table;

pub use error::AudienceError;
pub use query::Query;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub use table::{DecisionTable, TableRow};
