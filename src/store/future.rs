//! Futures of the store traits.

use std::{future::Future, pin::Pin};

/// A boxed future, which keeps the store traits usable as `dyn`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
