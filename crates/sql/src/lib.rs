#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod columns;
mod dialect;
mod infer;
mod render;
mod statement;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub mod views;

pub use columns::{Column, ColumnType, Columns};
pub use dialect::Dialect;
pub use render::{AttributeColumn, Options, Rendered, render};
pub use statement::{FunctionSpec, Output, Source, ViewSpec, statement};
