//! A hook for the span of each request.

use std::{fmt, sync::Arc};

use axum::http::HeaderMap;
use tracing::Span;

type Hook = dyn Fn(&Span, &HeaderMap) + Send + Sync;

/// A function that is called with the span of each request and the request's headers.
#[derive(Clone)]
pub struct OnSpan(Arc<Hook>);

impl OnSpan {
    /// Wraps the function.
    pub fn new(hook: impl Fn(&Span, &HeaderMap) + Send + Sync + 'static) -> Self {
        Self(Arc::new(hook))
    }

    pub(crate) fn call(&self, span: &Span, headers: &HeaderMap) {
        (self.0)(span, headers);
    }
}

impl fmt::Debug for OnSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnSpan(..)")
    }
}
