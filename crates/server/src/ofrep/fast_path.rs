//! The layer in front of the router that handles evaluations itself.

use std::convert::Infallible;

use axum::{
    Router,
    body::Body,
    http::{Method, Request, header},
    response::Response,
};
use hyper::body::Incoming;
use tower::ServiceExt as _;

use crate::{
    app::AppState,
    http::peer::Peer,
    ofrep::evaluate::{PATH, evaluate},
};

/// The router with a fast path for evaluations. An evaluation takes about as long as the router needs to find
/// its route.
#[derive(Clone)]
pub(crate) struct FastPath {
    /// `None` without evaluations.
    state: Option<AppState>,
    router: Router,
}

impl FastPath {
    pub(crate) fn new(state: AppState, router: Router) -> Self {
        Self { state: Some(state), router }
    }

    /// The router alone.
    pub(crate) fn router_only(router: Router) -> Self {
        Self { state: None, router }
    }

    pub(crate) async fn call(
        self,
        peer: Peer,
        mut request: Request<Incoming>,
    ) -> Result<Response, Infallible> {
        if let Some(state) = &self.state
            && is_evaluation(state, &request)
        {
            return Ok(evaluate(state, Some(peer), "", request).await);
        }
        request.extensions_mut().insert(peer);
        self.router.oneshot(request.map(Body::new)).await
    }
}

fn is_evaluation(state: &AppState, request: &Request<Incoming>) -> bool {
    let rest = request.uri().path().strip_prefix(PATH);
    let is_path = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    // Requests from pages of other origins need the CORS headers of the router.
    let is_cors = || !state.options().origins.is_empty() && request.headers().contains_key(header::ORIGIN);
    is_path && request.method() == Method::POST && !is_cors()
}
