//! Responses that are a value as JSON.

use std::marker::PhantomData;

use axum::{
    body::{Body, Bytes},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::http::{
    describe::{Operation, Output, Schemas},
    error::ApiError,
    json::{json, json_bytes},
};

/// A response with this body.
///
/// # Errors
/// 500 if the body cannot be serialized.
pub(crate) fn reply(status: StatusCode, body: &impl Serialize) -> Result<Response, ApiError> {
    json(status, body).map_err(|error| ApiError::internal(error.to_string()))
}

/// A 200 whose body is a `T` as JSON. The body is serialized at once, so that it can borrow from the
/// handler's locals.
pub(crate) struct Reply<T>(Response, PhantomData<fn() -> T>);

impl<T> Reply<T> {
    pub(crate) fn new(body: &impl Serialize) -> Result<Self, ApiError> {
        Ok(Self(reply(StatusCode::OK, body)?, PhantomData))
    }

    /// A 200 whose body is JSON already.
    pub(crate) fn of_json(body: Bytes) -> Self {
        Self(json_bytes(StatusCode::OK, body).map(Body::from), PhantomData)
    }
}

impl<T> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        self.0
    }
}

impl<T: JsonSchema> Output for Reply<T> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        let schema = schemas.output::<T>();
        operation.response(200, "OK", &schema);
    }
}
