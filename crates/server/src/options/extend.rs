//! What is served next to the endpoints.

use std::{fmt, sync::Arc};

use axum::Router;
use novi::Flags;

type Hook = dyn Fn(&Flags, Router) -> Router + Send + Sync;

/// A function that adds routes to the router over all endpoints, such as the pages of `novi-admin`.
///
/// It is called once, with the flags and the router, and returns the router to serve. The router it gets can
/// also be called from within the routes it adds: they then share its limits, its metrics and its tokens.
#[derive(Clone)]
pub struct Extend(Arc<Hook>);

impl Extend {
    /// Wraps the function.
    pub fn new(hook: impl Fn(&Flags, Router) -> Router + Send + Sync + 'static) -> Self {
        Self(Arc::new(hook))
    }

    pub(crate) fn apply(&self, flags: &Flags, router: Router) -> Router {
        (self.0)(flags, router)
    }
}

impl fmt::Debug for Extend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Extend(..)")
    }
}
