//! Everything that is served, as one list.

use std::sync::LazyLock;

use axum::{
    Router,
    http::{Method, Uri},
    middleware::from_fn_with_state,
};
use novi::Flags;
use tower_http::catch_panic::CatchPanicLayer;

use crate::{
    Options,
    access::{Access, Role},
    api,
    endpoint::{Endpoint, get, post},
    error::ApiError,
    evaluated_flags, events, features, flags, health, metrics,
    observe::{caught, observe},
    ofrep,
    openapi::document,
    reply::Answer,
    state::{AppState, Closing},
};

/// The endpoints of novi over these flags, to be nested in an application or served by itself.
///
/// Nest it under a path: it brings its own answers for unknown routes, and axum lets two routers with such answers not
/// be merged. Where the application's router has a state, nest `router(..).with_state(())`.
///
/// The flags are to [keep their rows](novi::FlagsBuilder::keep_rows), which the endpoints tell of; else those that do
/// answer 500, and say why.
///
/// Needs a tokio runtime with its timer enabled. Of [`Options`], those that tell of connections are [`serve`]'s; a mounted
/// router has no part in the application's shutdown.
///
/// [`serve`]: crate::serve
pub fn router(flags: Flags, options: Options) -> Router {
    build(&AppState::new(flags, options, Closing::default()))
}

/// Everything that is served.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    use Access::{Needs, Optional, Public};
    use Role::Server;
    let mut endpoints = vec![
        get("/flags", Needs(Server), "Every flag as its rows have it, in the order of ids", flags::list),
        get("/flags/{*name}", Needs(Server), "A flag as its rows have it", flags::one),
        post(
            "/evaluatedFlags",
            Needs(Server),
            "Every flag, with what it answers as status",
            evaluated_flags::list,
        ),
        post(
            "/evaluatedFlags/{*name}",
            Needs(Server),
            "A flag, with what it answers as status",
            evaluated_flags::one,
        ),
        get(
            "/features",
            Optional,
            "The names of the features that are active for the caller",
            features::active,
        ),
        post(ofrep::PATH, ofrep::ACCESS, "What all flags answer (OFREP)", ofrep::bulk_route).guards_itself(),
        post(ofrep::SINGLE_PATH, ofrep::ACCESS, "What a flag answers (OFREP)", ofrep::single_route)
            .guards_itself(),
        get(
            events::PATH,
            Public,
            "Tells when flags may answer otherwise; the address is a secret",
            events::events,
        ),
        get("/health/live", Public, "Whether the process answers at all", health::live),
        get("/health/ready", Public, "Whether to send requests here", health::ready),
        get(
            "/metrics",
            Needs(Server),
            "What the server has done and how it is, for Prometheus",
            metrics::metrics,
        ),
        get("/openapi.json", Public, "This description", description),
    ];
    endpoints.extend(api::endpoints());
    endpoints
}

pub(crate) fn build(state: &AppState) -> Router {
    let mut router = Router::new();
    for endpoint in endpoints() {
        let (path, route) = endpoint.into_route(state);
        router = router.route(path, route);
    }
    let router = router
        // Clients that write a slash behind the path of all flags.
        .route(&format!("{}/", ofrep::PATH), axum::routing::post(ofrep::bulk_route))
        .fallback(no_route)
        .method_not_allowed_fallback(wrong_method)
        // The last is the outermost: a panic is an answer by the time it is observed.
        .layer(CatchPanicLayer::custom(caught))
        .layer(from_fn_with_state(state.clone(), observe))
        .with_state(state.clone());
    let Options { origins, toggles_header, .. } = state.options();
    if origins.is_empty() {
        return router;
    }
    router.layer(origins.layer([&toggles_header.0.asks, &toggles_header.0.tells]))
}

async fn description() -> Result<Answer<serde_json::Value>, ApiError> {
    static DOCUMENT: LazyLock<serde_json::Value> = LazyLock::new(|| document(&endpoints()));
    Answer::of(&*DOCUMENT)
}

async fn no_route(uri: Uri) -> ApiError {
    ApiError::route_not_found(uri.path())
}

async fn wrong_method(method: Method) -> ApiError {
    ApiError::method_not_allowed(&method)
}
