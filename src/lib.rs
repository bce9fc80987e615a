//! A feature-flag engine whose flags live in your own SQL database.

mod error;
pub mod rows;
pub mod store;

pub use error::{Error, Result};
