//! The extractor of the flags of a request.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use novi::{
    Context, Decision, Result,
    overrides::RequestOverrides,
    snapshot::{Snapshot, SnapshotGuard},
};

use crate::http::error::ApiError;

/// The flags of the current request: all decisions are of one snapshot, for the context of the request, with
/// its overrides.
///
/// [`RequestToggles`](crate::RequestToggles) adds it to each request. Its decisions are the same in other
/// tasks.
#[derive(Clone, Debug)]
pub struct RequestFlags {
    pub(crate) snapshot: SnapshotGuard,
    pub(crate) context: Arc<Context<'static>>,
    pub(crate) overrides: RequestOverrides,
}

impl RequestFlags {
    /// Whether a flag is on. An unknown flag is off.
    #[must_use]
    pub fn is_enabled(&self, flag: &str) -> bool {
        self.overrides.within(|| self.snapshot.is_enabled(flag, &self.context))
    }

    /// The decision of a flag.
    ///
    /// # Errors
    /// [`Error::FlagNotFound`](novi::Error::FlagNotFound) if the flag is unknown.
    pub fn evaluate(&self, flag: &str) -> Result<Decision<&Snapshot>> {
        self.overrides.within(|| self.snapshot.evaluate(flag, &self.context))
    }

    /// The context of the request.
    #[must_use]
    pub fn context(&self) -> &Context<'static> {
        &self.context
    }

    /// The snapshot of the request.
    #[must_use]
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The overrides of the request.
    #[must_use]
    pub fn overrides(&self) -> &RequestOverrides {
        &self.overrides
    }
}

/// # Errors
/// 500 if the layer [`RequestToggles`](crate::RequestToggles) is missing.
impl<S: Send + Sync> FromRequestParts<S> for RequestFlags {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> std::result::Result<Self, Response> {
        parts.extensions.get().cloned().ok_or_else(|| {
            tracing::error!("a handler extracts RequestFlags, but the layer RequestToggles is missing");
            let mut response = ApiError::internal(String::new()).render("");
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response.into_response()
        })
    }
}
