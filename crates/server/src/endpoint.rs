//! What an endpoint is: a method, a path, who may call it, a handler, and what the API's description says of it.
//!
//! The description is made from the handler's own arguments and result, so that it says what the handler does.

use axum::{
    handler::Handler,
    http::Method,
    middleware::from_fn_with_state,
    routing::{MethodFilter, MethodRouter, on},
};

use crate::{
    access::{Access, guard},
    openapi::{Described, Operation, Schemas},
    state::AppState,
};

/// One of the things that are served.
pub(crate) struct Endpoint {
    pub(crate) method: Method,
    /// As axum has it: the rest of a path is `{*name}`.
    pub(crate) path: &'static str,
    pub(crate) access: Access,
    pub(crate) summary: &'static str,
    describe: fn(&mut Operation, &mut Schemas),
    handler: Box<dyn FnOnce() -> MethodRouter<AppState>>,
    guarded: bool,
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
        Self { method, path, access, summary, describe: H::describe, handler, guarded: true }
    }

    /// The handler sees to it by itself who may call it, since its refusals have a form of their own.
    pub(crate) fn guards_itself(mut self) -> Self {
        self.guarded = false;
        self
    }

    /// The path as people write it: `/flags/{name}`.
    pub(crate) fn pattern(&self) -> String {
        self.path.replace("{*", "{")
    }

    /// What the API's description says of it.
    pub(crate) fn operation(&self, schemas: &mut Schemas) -> Operation {
        let mut operation = Operation::new(self);
        (self.describe)(&mut operation, schemas);
        operation
    }

    pub(crate) fn into_route(self, state: &AppState) -> (&'static str, MethodRouter<AppState>) {
        let route = (self.handler)();
        if !self.guarded {
            return (self.path, route);
        }
        (self.path, route.route_layer(from_fn_with_state((state.clone(), self.access), guard)))
    }
}
