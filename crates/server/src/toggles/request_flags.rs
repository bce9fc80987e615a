//! The flags of a request, as handlers get them.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use novi::{Context, Decision, Guard, RequestOverrides, Result, Snapshot};

use crate::error::ApiError;

/// The flags of the request that is being answered: all answers are of one revision of the rows (R11), for the caller whom the
/// request tells of, with the overrides that it has (R13).
///
/// [`RequestToggles`](crate::RequestToggles) puts it into each request. Wherever it goes, also into another task, it answers the
/// same.
#[derive(Clone, Debug)]
pub struct RequestFlags {
    pub(super) snapshot: Guard,
    pub(super) context: Arc<Context<'static>>,
    pub(super) overrides: RequestOverrides,
}

impl RequestFlags {
    /// Whether a flag is on; an unknown one is not (R5).
    #[must_use]
    pub fn is_enabled(&self, flag: &str) -> bool {
        self.overrides.within(|| self.snapshot.is_enabled(flag, &self.context))
    }

    /// What a flag answers, and why.
    ///
    /// # Errors
    /// [`Error::FlagNotFound`](novi::Error::FlagNotFound) for a name that no flag has.
    pub fn evaluate(&self, flag: &str) -> Result<Decision<&Snapshot>> {
        self.overrides.within(|| self.snapshot.evaluate(flag, &self.context))
    }

    /// What is known of the caller.
    #[must_use]
    pub fn context(&self) -> &Context<'static> {
        &self.context
    }

    /// The rows' revision that is answered by.
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
/// 500, where the layer that puts it into requests is not around the handler.
impl<S: Send + Sync> FromRequestParts<S> for RequestFlags {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> std::result::Result<Self, Response> {
        parts.extensions.get().cloned().ok_or_else(|| {
            tracing::error!("a handler takes RequestFlags, and the layer RequestToggles is not around it");
            let mut response = ApiError::internal(String::new()).render("");
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response.into_response()
        })
    }
}
