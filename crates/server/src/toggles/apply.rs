//! The toggles of a request to the server itself, for REST and for OFREP.

use axum::{
    extract::{Request, State},
    http::HeaderMap,
    middleware::Next,
    response::{IntoResponse, Response},
};
use novi::{Context, Decision, overrides::RequestOverrides, snapshot::Snapshot};

use crate::{
    app::{AppState, context_slot::ContextSlot},
    auth::caller::Caller,
    http::error::ApiError,
    toggles::{enabled_header::add_enabled_header, parse::parse, signature::Trust},
};

/// The middleware that runs a handler with the overrides of its request. The caller must have been authorized
/// before.
pub(crate) async fn apply_toggles(
    State(state): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    let caller = request.extensions().get().unwrap_or(&Caller::ANONYMOUS);
    let snapshot = state.flags().snapshot();
    let toggles = match Toggles::of_request(&state, request.headers(), caller, &snapshot) {
        Ok(Some(toggles)) => toggles,
        Ok(None) => {
            drop(snapshot);
            return next.run(request).await;
        }
        Err(error) => return error.into_response(),
    };
    let (slot, caller) = (ContextSlot::default(), caller.clone());
    request.extensions_mut().insert(slot.clone());
    let mut response = toggles.overrides.around(next.run(request)).await;
    if let Some(context) = slot.get() {
        toggles.add_header(&state, &caller, response.headers_mut(), &snapshot, context);
    }
    response
}

/// The overrides of one request.
pub(crate) struct Toggles {
    overrides: RequestOverrides,
}

impl Toggles {
    /// The toggles in the header of a request. Returns `None` if there is no such header.
    ///
    /// # Errors
    /// 400 if the header is invalid, 403 if the caller may not override flags.
    pub(crate) fn of_request(
        state: &AppState,
        headers: &HeaderMap,
        caller: &Caller,
        snapshot: &Snapshot,
    ) -> Result<Option<Self>, ApiError> {
        let options = state.options();
        let trust = Trust { caller: caller.is_trusted(), key: options.signing_key.as_ref() };
        let overrides = parse(headers, &options.toggles_header.request, snapshot, trust)?;
        Ok(overrides.map(|overrides| Self { overrides }))
    }

    /// Runs a function with the overrides.
    pub(crate) fn within<R>(&self, answer: impl FnOnce() -> R) -> R {
        self.overrides.within(answer)
    }

    /// Adds the header with the flags that are on for this context.
    pub(crate) fn add_header(
        &self,
        state: &AppState,
        caller: &Caller,
        headers: &mut HeaderMap,
        snapshot: &Snapshot,
        context: &Context<'_>,
    ) {
        let name = &state.options().toggles_header.response;
        let may_see = |decision: &Decision<&Snapshot>| caller.may_see(decision);
        add_enabled_header(headers, name, snapshot, context, &self.overrides, may_see);
    }
}
