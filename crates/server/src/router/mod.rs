//! The router over all endpoints.

pub(crate) mod document;
pub(crate) mod documents;
pub(crate) mod endpoint;
pub(crate) mod large;
pub(crate) mod list;

use std::sync::LazyLock;

use axum::{
    Router,
    handler::Handler as _,
    http::{Method, Uri},
    middleware::from_fn_with_state,
    routing::post,
};
use novi::Flags;
use serde_json::Value;

use crate::{
    app::{AppState, metrics::Metrics, observe::observe, shutdown::Shutdown},
    auth::access::Access::Public,
    http::{error::ApiError, mount::MountPath, reply::Reply},
    ofrep,
    options::Options,
    router::{
        document::document,
        documents::Documents,
        endpoint::{Endpoint, get},
    },
};

/// The endpoints of novi over these flags, to nest in an application or to serve by themselves.
///
/// [`Server`](crate::Server) is the shorter way to a router that can also write: it keeps the rows, which the
/// endpoints return, and sets [`Options::database`]. Without [`keep_rows`](novi::FlagsBuilder::keep_rows)
/// endpoints that return rows fail with 500, and without a database those that write with 501.
///
/// Nest the router under a path: it has its own fallback for unknown routes, and axum cannot merge two
/// routers with fallbacks. If the application's router has a state, nest `router(..).with_state(())`.
///
/// The router requires a tokio runtime with the timer enabled. [`Options`] of connections only apply to
/// [`serve`](crate::serve()).
pub fn router(flags: Flags, options: Options) -> Router {
    build(&state(flags, options, Shutdown::default()))
}

fn endpoints() -> Vec<Endpoint> {
    let mut endpoints = list::endpoints();
    endpoints.push(get("/openapi.json", Public, "Get this document", description));
    endpoints
}

pub(crate) fn state(flags: Flags, options: Options, shutdown: Shutdown) -> AppState {
    let metrics = Metrics::new(endpoints().iter().map(Endpoint::metrics_route));
    AppState::new(flags, options, shutdown, metrics)
}

pub(crate) fn build(state: &AppState) -> Router {
    let mut router = Router::new();
    for endpoint in endpoints() {
        let (path, route) = endpoint.into_route(state);
        router = router.route(path, route);
    }
    let router = router
        // Some clients write a slash after the path for all flags.
        .route(&format!("{}/", ofrep::evaluate::PATH), post(ofrep::routes::bulk))
        .fallback(no_route.layer(from_fn_with_state(state.clone(), observe)))
        .method_not_allowed_fallback(wrong_method.layer(from_fn_with_state(state.clone(), observe)))
        .with_state(state.clone());
    let Options { origins, toggles_header, cors_headers, extend, .. } = state.options();
    let router =
        if origins.is_empty() { router } else { router.layer(origins.layer(toggles_header, cors_headers)) };
    match extend {
        Some(extend) => extend.apply(state.flags(), router),
        None => router,
    }
}

/// `GET /openapi.json`. In a router that is mounted below a path, `servers` has the path.
async fn description(MountPath(prefix): MountPath) -> Result<Reply<Value>, ApiError> {
    static DOCUMENTS: LazyLock<Documents> = LazyLock::new(|| Documents::new(document(&endpoints())));
    DOCUMENTS.at(&prefix).map(Reply::of_json).map_err(|error| ApiError::internal(error.to_string()))
}

async fn no_route(MountPath(prefix): MountPath, uri: Uri) -> ApiError {
    ApiError::route_not_found(&prefix, uri.path())
}

async fn wrong_method(method: Method) -> ApiError {
    ApiError::method_not_allowed(&method)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::document::{TAGS, tag};

    #[test]
    fn every_tag_has_a_description() {
        let mut used: Vec<_> = endpoints().iter().map(|endpoint| tag(endpoint.path)).collect();
        let mut described: Vec<_> = TAGS.iter().map(|(name, _)| *name).collect();
        used.sort_unstable();
        used.dedup();
        described.sort_unstable();
        assert_eq!(used, described);
    }
}
