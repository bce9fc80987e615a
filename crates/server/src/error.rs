//! Requests that are refused, and requests that fail.

use axum::{
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::reply::json;

/// A request that gets no answer, with what the caller is told and what only the log is.
///
/// As a response it has a status and no body yet: [`observe`](crate::observe::observe), which knows the request's id,
/// writes that.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) outside: String,
    pub(crate) inside: Option<String>,
}

impl ApiError {
    fn new(status: StatusCode, code: &'static str, outside: impl Into<String>) -> Self {
        Self { status, code, outside: outside.into(), inside: None }
    }

    pub(crate) fn flag_not_found(error: &novi::Error) -> Self {
        Self::new(StatusCode::NOT_FOUND, "flag_not_found", short(&error.to_string()))
    }

    pub(crate) fn route_not_found(path: &str) -> Self {
        let message = format!(
            "nothing is served at {}; there are GET /flags, GET /flags/{{name}}, POST /evaluatedFlags, \
             POST /evaluatedFlags/{{name}}, POST /api/explain/{{name}}, GET /health/live and GET /health/ready",
            short(path)
        );
        Self::new(StatusCode::NOT_FOUND, "route_not_found", message)
    }

    pub(crate) fn method_not_allowed(method: &Method) -> Self {
        let method = short(method.as_str());
        let message = format!("{method} is not served here; the header allow names the methods that are");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
    }

    pub(crate) fn invalid_path() -> Self {
        let message = "the name in the path: expected %-escaped UTF-8, found other bytes";
        Self::new(StatusCode::BAD_REQUEST, "invalid_path", message)
    }

    pub(crate) fn body_not_utf8(error: std::str::Utf8Error) -> Self {
        Self::invalid_body(&format!("expected UTF-8, found other bytes after byte {}", error.valid_up_to()))
    }

    pub(crate) fn body_not_context(error: &serde_json::Error) -> Self {
        Self::invalid_body(&format!("expected the context as a JSON object, or nothing: {error}"))
    }

    pub(crate) fn too_many_attributes(found: usize, most: usize) -> Self {
        Self::invalid_body(&format!("expected at most {most} attributes, found {found}"))
    }

    fn invalid_body(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_body", format!("the body: {}", short(message)))
    }

    pub(crate) fn body_too_large(limit: usize) -> Self {
        let message = format!("the body: expected at most {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message)
    }

    pub(crate) fn content_encoding() -> Self {
        let message = "the header content-encoding: expected identity or none; send the body as it is";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_content_encoding", message)
    }

    pub(crate) fn body_incomplete(cause: &axum::Error) -> Self {
        let message = "the body: the connection or a chunk broke off before its end";
        Self {
            inside: Some(cause.to_string()),
            ..Self::new(StatusCode::BAD_REQUEST, "body_incomplete", message)
        }
    }

    pub(crate) fn request_timeout(limit: std::time::Duration) -> Self {
        let message = format!("the body: did not arrive within {limit:?}");
        Self::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", message)
    }

    pub(crate) fn answer_timeout(limit: std::time::Duration) -> Self {
        let message = format!("the answer was not ready within {limit:?}; try again");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "answer_timeout", message)
    }

    pub(crate) fn rows_not_kept() -> Self {
        let message = "this server does not keep the rows of its flags: its program is to make them with \
                       `Flags::builder().keep_rows()`";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "rows_not_kept", message)
    }

    pub(crate) fn internal(inside: String) -> Self {
        let message = "the server failed to answer; its log says more, under this request's id";
        let error = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", message);
        Self { inside: Some(inside), ..error }
    }

    /// The response with its body.
    pub(crate) fn render(&self, request_id: &str) -> Response {
        #[derive(Serialize)]
        struct Envelope<'a> {
            error: Inner<'a>,
        }
        #[derive(Serialize)]
        struct Inner<'a> {
            code: &'static str,
            message: &'a str,
            request_id: &'a str,
        }
        let error = Inner { code: self.code, message: &self.outside, request_id };
        json(self.status, &Envelope { error }).unwrap_or_else(|_| self.status.into_response())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// What callers sent is quoted in messages and logs, but not all 60 kB of it.
pub(crate) fn short(text: &str) -> String {
    const LONGEST: usize = 500;
    match text.get(..text.floor_char_boundary(LONGEST)) {
        Some(start) if start.len() < text.len() => format!("{start}..."),
        _ => text.to_owned(),
    }
}
