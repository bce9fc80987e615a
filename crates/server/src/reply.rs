//! Answers in JSON.

use std::marker::PhantomData;

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    error::ApiError,
    openapi::{Operation, Output, Schemas},
};

/// An answer with this status and this body.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Result<Response, ApiError> {
    let text = serde_json::to_vec(body).map_err(|error| ApiError::internal(error.to_string()))?;
    let mut response = (status, Body::from(text)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// A 200 whose body is a `T` as JSON. The body is written when it is made, so that it can be of what a handler borrows.
pub(crate) struct Answer<T>(Response, PhantomData<fn() -> T>);

impl<T> Answer<T> {
    pub(crate) fn of(body: &impl Serialize) -> Result<Self, ApiError> {
        Ok(Self(json(StatusCode::OK, body)?, PhantomData))
    }
}

impl<T> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        self.0
    }
}

impl<T: JsonSchema> Output for Answer<T> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        let schema = schemas.output::<T>();
        operation.answer(200, "The answer", &schema);
    }
}
