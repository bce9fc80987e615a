//! What answers requests: at first only health checks, and everything once the flags are there.

use std::{
    convert::Infallible,
    sync::{Arc, OnceLock},
};

use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Request, Version, header},
    response::Response,
    routing::get,
};
use hyper::body::Incoming;
use tower::ServiceExt as _;

use crate::{
    app::{
        AppState,
        observe::{REQUEST_ID, new_id},
    },
    endpoints::health,
    http::{error::ApiError, peer::Peer},
    ofrep::fast_path::FastPath,
    router,
};

/// The most headers of a request, as hyper has it for HTTP/1.1.
const MOST_HEADERS: usize = 100;

/// What a connection may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    All,
    /// Only health checks: too many connections are open.
    Health,
}

/// All endpoints, from the moment that there are flags.
#[derive(Clone)]
pub(crate) struct App {
    ready: Arc<OnceLock<Ready>>,
    starting: Router,
}

struct Ready {
    all: FastPath,
    health: Router,
}

impl App {
    pub(crate) fn starting() -> Self {
        let starting = Router::new()
            .route("/health/live", get(health::live))
            .route("/health/ready", get(health::starting))
            .fallback(async || error(&ApiError::starting()));
        Self { ready: Arc::default(), starting }
    }

    /// Answers everything from now on. Only the first call has an effect.
    pub(crate) fn start(&self, state: &AppState) {
        self.ready.get_or_init(|| {
            let all = FastPath::new(state.clone(), router::build(state));
            Ready { all, health: health_only(state, ApiError::too_many_connections) }
        });
    }

    /// Answers health checks from now on, and nothing else.
    pub(crate) fn start_health(&self, state: &AppState) {
        let health = health_only(state, ApiError::health_only);
        self.ready.get_or_init(|| Ready { all: FastPath::router_only(health.clone()), health });
    }

    pub(crate) async fn call(
        self,
        scope: Scope,
        peer: Peer,
        request: Request<Incoming>,
    ) -> Result<Response, Infallible> {
        if !has_one_host(&request) {
            return Ok(error(&ApiError::invalid_host()));
        }
        // Over HTTP/1.1 the library has this limit.
        if request.headers().len() > MOST_HEADERS {
            return Ok(error(&ApiError::too_many_headers(MOST_HEADERS)));
        }
        match (self.ready.get(), scope) {
            (Some(ready), Scope::All) => ready.all.clone().call(peer, request).await,
            (Some(ready), Scope::Health) => {
                let mut response = ready.health.clone().oneshot(request.map(Body::new)).await?;
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                Ok(response)
            }
            (None, _) => self.starting.oneshot(request.map(Body::new)).await,
        }
    }
}

/// Whether a request names one host, as RFC 9112 (3.2) and RFC 9113 (8.3.1) demand. In HTTP/2 it is part of the
/// URI, and a header must be the same.
fn has_one_host(request: &Request<Incoming>) -> bool {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (first, second) = (hosts.next(), hosts.next());
    if second.is_some() {
        return false;
    }
    match (first, request.uri().authority()) {
        (Some(host), Some(authority)) if request.version() == Version::HTTP_2 => {
            host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes())
        }
        (first, _) => first.is_some() || request.version() != Version::HTTP_11,
    }
}

/// Health checks, and an error for all other requests.
pub(crate) fn health_only(state: &AppState, other: fn() -> ApiError) -> Router {
    Router::new()
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .with_state(state.clone())
        .fallback(async move || error(&other()))
}

fn error(error: &ApiError) -> Response {
    let id = new_id();
    let mut response = error.render(id.to_str().unwrap_or_default());
    response.headers_mut().insert(REQUEST_ID, id);
    response
}
