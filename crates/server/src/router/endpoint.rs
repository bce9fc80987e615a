//! An endpoint: a method, a path, who may call it, a handler, and its part of the OpenAPI document.
//!
//! That part comes from the types of the handler's arguments and result, so that the document describes what
//! the handler does.

use std::sync::Arc;

use axum::{
    extract::{Query, Request, State},
    handler::Handler,
    http::Method,
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{MethodFilter, MethodRouter, on},
};
use serde_json::Value;

use crate::{
    app::{AppState, metrics::Route, observe::observe},
    auth::{access::Access, authorize_request},
    http::{
        describe::{Described, Operation, Schemas},
        error::ApiError,
    },
    router::large::{Large, run_large},
    toggles::apply::apply_toggles,
};

/// An endpoint.
pub(crate) struct Endpoint {
    pub(crate) method: Method,
    /// In the syntax of axum: `{*name}` is the rest of a path.
    pub(crate) path: &'static str,
    pub(crate) access: Access,
    pub(crate) summary: &'static str,
    pub(crate) describe: fn(&mut Operation, &mut Schemas),
    handler: Box<dyn FnOnce() -> MethodRouter<AppState>>,
    has_middleware: bool,
    large: Option<Large>,
}

macro_rules! methods {
    ($($name:ident $method:ident)*) => {
        $(
            pub(crate) fn $name<H: Described<T> + Handler<T, AppState>, T: 'static>(
                path: &'static str,
                access: Access,
                summary: &'static str,
                handler: H,
            ) -> Endpoint {
                Endpoint::new(Method::$method, MethodFilter::$method, path, access, summary, handler)
            }
        )*
    };
}

methods!(get GET post POST put PUT patch PATCH delete DELETE);

impl Endpoint {
    fn new<H: Described<T> + Handler<T, AppState>, T: 'static>(
        method: Method,
        filter: MethodFilter,
        path: &'static str,
        access: Access,
        summary: &'static str,
        handler: H,
    ) -> Self {
        let handler = Box::new(move || on(filter, handler));
        // All others below `/api` change rows, or evaluate at an earlier revision.
        let compiles = path.starts_with("/api/") && method != Method::GET;
        Self {
            method,
            path,
            access,
            summary,
            describe: H::describe,
            handler,
            has_middleware: true,
            large: compiles.then_some(Large::Compilation),
        }
    }

    /// The handler does the work of the middleware itself, as evaluations do.
    pub(crate) fn without_middleware(mut self) -> Self {
        self.has_middleware = false;
        self
    }

    /// Its response takes long to make, or much memory.
    pub(crate) fn large(mut self, large: Large) -> Self {
        self.large = Some(large);
        self
    }

    /// The path in the syntax of OpenAPI: `/flags/{name}`.
    pub(crate) fn pattern(&self) -> String {
        self.path.replace("{*", "{")
    }

    /// The route, as metrics count it.
    pub(crate) fn metrics_route(&self) -> Route {
        Route::new(&self.method, self.path)
    }

    /// The names of the parameters of the query.
    fn query_parameters(&self) -> Vec<String> {
        let mut operation = Operation::default();
        (self.describe)(&mut operation, &mut Schemas::new());
        let is_of_query = |parameter: &&Value| parameter.get("in").is_some_and(|place| place == "query");
        let name = |parameter: &Value| parameter.get("name")?.as_str().map(str::to_owned);
        operation.parameters.iter().filter(is_of_query).filter_map(name).collect()
    }

    pub(crate) fn into_route(self, state: &AppState) -> (&'static str, MethodRouter<AppState>) {
        let known = self.path.starts_with("/api/").then(|| self.query_parameters());
        let mut route = (self.handler)();
        if let Some(known) = known {
            route = route.route_layer(from_fn_with_state(Arc::from(known), check_query));
        }
        if let Some(large) = self.large {
            route = route.route_layer(from_fn_with_state((state.clone(), large), run_large));
        }
        if !self.has_middleware {
            return (self.path, route);
        }
        // The last one is the outermost.
        let route = route
            .route_layer(from_fn_with_state(state.clone(), apply_toggles))
            .route_layer(from_fn_with_state((state.clone(), self.access), authorize_request))
            .route_layer(from_fn_with_state(state.clone(), observe));
        (self.path, route)
    }
}

/// Rejects unknown parameters of the query, also where an endpoint has none.
async fn check_query(State(known): State<Arc<[String]>>, request: Request, next: Next) -> Response {
    let query = request.uri().query().unwrap_or_default();
    if percent_encoding::percent_decode_str(query).decode_utf8().is_err() {
        return ApiError::invalid_query("expected percent-encoded UTF-8, found other bytes").into_response();
    }
    // What cannot be parsed is reported by the handler.
    let sent = Query::<Vec<(String, String)>>::try_from_uri(request.uri());
    let names = sent.map_or_else(|_| Vec::new(), |Query(sent)| sent);
    let unknown = names.iter().find(|(name, _)| !known.contains(name));
    match unknown {
        Some((name, _)) => ApiError::unknown_parameter(name, &known).into_response(),
        None => next.run(request).await,
    }
}
