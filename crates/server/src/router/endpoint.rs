//! An endpoint: a method, a path, who may call it, a handler, and its part of the OpenAPI document.
//!
//! That part comes from the types of the handler's arguments and result, so that the document describes what
//! the handler does.

use axum::{
    handler::Handler,
    http::Method,
    middleware::from_fn_with_state,
    routing::{MethodFilter, MethodRouter, on},
};

use crate::{
    app::{AppState, metrics::Route, observe::observe},
    auth::{access::Access, authorize_request},
    http::describe::{Described, Operation, Schemas},
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

    pub(crate) fn into_route(self, state: &AppState) -> (&'static str, MethodRouter<AppState>) {
        let mut route = (self.handler)();
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
