//! Responses with a JSON body.

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use serde::Serialize;

/// A response with this body.
///
/// # Errors
/// The body cannot be serialized.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> serde_json::Result<Response> {
    Ok(json_bytes(status, serde_json::to_vec(body)?).map(Body::from))
}

/// A response whose body is JSON already.
pub(crate) fn json_bytes(status: StatusCode, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
