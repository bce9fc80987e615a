//! Responses that are one row.

use std::marker::PhantomData;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::{
    http::{
        describe::{Operation, Output, Schemas},
        error::ApiError,
        reply::reply,
    },
    manage::response::plan::EditPlan,
};

/// A row with its version as `ETag`.
pub(crate) struct Row<T>(Response, PhantomData<fn() -> T>);

impl<T> Row<T> {
    pub(crate) fn new(body: &impl Serialize, version: i64) -> Result<Self, ApiError> {
        let mut response = reply(StatusCode::OK, body)?;
        if let Ok(tag) = HeaderValue::try_from(format!("\"{version}\"")) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        Ok(Self(response, PhantomData))
    }
}

impl<T> IntoResponse for Row<T> {
    fn into_response(self) -> Response {
        self.0
    }
}

impl<T: JsonSchema> Output for Row<T> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        let schema = schemas.output::<T>();
        operation.response(200, "The row", &schema);
        operation.response_header(200, "ETag", "The row's version, for If-Match");
    }
}

/// The response for a change: a `T`, or the plan of a dry run.
pub(crate) struct Changed<T>(Response, PhantomData<fn() -> T>);

impl<T> Changed<T> {
    pub(crate) fn row(row: Row<T>) -> Self {
        Self(row.0, PhantomData)
    }

    pub(crate) fn new(body: &impl Serialize) -> Result<Self, ApiError> {
        Ok(Self(reply(StatusCode::OK, body)?, PhantomData))
    }

    pub(crate) fn planned(plan: &EditPlan) -> Result<Self, ApiError> {
        Self::new(plan)
    }
}

impl<T> IntoResponse for Changed<T> {
    fn into_response(self) -> Response {
        self.0
    }
}

impl<T: JsonSchema> Output for Changed<T> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        let schema = json!({"anyOf": [schemas.output::<T>(), schemas.output::<EditPlan>()]});
        operation.response(200, "The result, or the plan with `dry_run`", &schema);
    }
}

/// The response for a new row.
pub(crate) struct Created<T>(Response, PhantomData<fn() -> T>);

impl<T> Created<T> {
    /// A response with this body. `location` is relative to the path of the request.
    pub(crate) fn new(body: &impl Serialize, location: &str) -> Result<Self, ApiError> {
        Ok(Self::row(Row(reply(StatusCode::OK, body)?, PhantomData), location))
    }

    /// `location` is relative to the path of the request.
    pub(crate) fn row(row: Row<T>, location: &str) -> Self {
        let mut response = row.0;
        *response.status_mut() = StatusCode::CREATED;
        if let Ok(location) = HeaderValue::try_from(location) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        Self(response, PhantomData)
    }

    pub(crate) fn planned(plan: &EditPlan) -> Result<Self, ApiError> {
        Ok(Self(reply(StatusCode::OK, plan)?, PhantomData))
    }
}

impl<T> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        self.0
    }
}

impl<T: JsonSchema> Output for Created<T> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        let (row, plan) = (schemas.output::<T>(), schemas.output::<EditPlan>());
        operation.response(201, "The new row", &row);
        operation.response_header(201, "ETag", "The row's version, for If-Match");
        operation.response_header(201, "Location", "The path of the row, relative to this one");
        operation.response(200, "The plan, with `dry_run`", &plan);
    }
}
