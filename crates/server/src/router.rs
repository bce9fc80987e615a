//! Everything that is served, as one list.

use axum::{
    Router,
    http::{Method, Uri},
    middleware::from_fn_with_state,
    routing::{get, post},
};
use novi::Flags;
use tower_http::catch_panic::CatchPanicLayer;

use crate::{
    Options,
    error::ApiError,
    evaluated_flags, explain, flags, health,
    observe::{caught, observe},
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
    build(flags, options, Closing::default())
}

pub(crate) fn build(flags: Flags, options: Options, closing: Closing) -> Router {
    let state = AppState::new(flags, options, closing);
    Router::new()
        .route("/flags", get(flags::list))
        .route("/flags/{*name}", get(flags::one))
        .route("/evaluatedFlags", post(evaluated_flags::list))
        .route("/evaluatedFlags/{*name}", post(evaluated_flags::one))
        .route("/api/explain/{*name}", post(explain::explain))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .fallback(no_route)
        .method_not_allowed_fallback(wrong_method)
        // The last is the outermost: a panic is an answer by the time it is observed.
        .layer(CatchPanicLayer::custom(caught))
        .layer(from_fn_with_state(state.clone(), observe))
        .with_state(state)
}

async fn no_route(uri: Uri) -> ApiError {
    ApiError::route_not_found(uri.path())
}

async fn wrong_method(method: Method) -> ApiError {
    ApiError::method_not_allowed(&method)
}
