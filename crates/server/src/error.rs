//! Requests that are refused, and requests that fail.

use axum::{
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{api::problem::Problem, reply::json, toggles::ToggleError};

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
    /// After how many seconds the caller may try again.
    pub(crate) retry_after: Option<u64>,
    /// What else there is to tell. Boxed, since hardly any error has some.
    pub(crate) details: Option<Box<Details>>,
}

/// What few errors have to tell beside their message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Details {
    pub(crate) problems: Vec<Problem>,
    pub(crate) conflict: Option<ConflictTold>,
}

/// Both sides of a change of a row that somebody else has changed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Conflict")]
pub(crate) struct ConflictTold {
    /// `flags` or `activations`
    pub(crate) table: &'static str,
    /// The row's id.
    pub(crate) id: i64,
    /// The row's name.
    pub(crate) name: String,
    /// The version that was seen.
    pub(crate) expected: i64,
    /// The version that the row has; null where it is gone.
    pub(crate) found: Option<i64>,
    /// What the row is now; null where it is gone.
    pub(crate) theirs: serde_json::Value,
    /// What was sent.
    pub(crate) yours: serde_json::Value,
}

/// What an error is, as its body tells.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Error")]
pub(crate) struct Envelope<'a> {
    pub(crate) error: Told<'a>,
}

/// An error.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ErrorDetails")]
pub(crate) struct Told<'a> {
    /// Stable, for programs.
    code: &'static str,
    /// For people; may be another one tomorrow.
    message: &'a str,
    /// Names the request in the log.
    request_id: &'a str,
    /// Everything that is wrong, each with its place in the body that was sent.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schemars(default)]
    problems: &'a [Problem],
    /// Both sides, where somebody else has changed the row.
    #[serde(skip_serializing_if = "Option::is_none")]
    conflict: Option<&'a ConflictTold>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, outside: impl Into<String>) -> Self {
        Self { status, code, outside: outside.into(), inside: None, retry_after: None, details: None }
    }

    pub(crate) fn flag_not_found(error: &novi::Error) -> Self {
        Self::new(StatusCode::NOT_FOUND, "flag_not_found", short(&error.to_string()))
    }

    pub(crate) fn route_not_found(path: &str) -> Self {
        let message = format!(
            "nothing is served at {}; GET /openapi.json tells what is, such as GET /flags and POST \
             /ofrep/v1/evaluate/flags",
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

    pub(crate) fn body_incomplete(cause: &axum::BoxError) -> Self {
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

    /// No token, or none that is known.
    pub(crate) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
    }

    /// The database has not told yet which tokens there are.
    pub(crate) fn tokens_not_known() -> Self {
        let message = "the database has not told yet who may call; try again";
        let error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "tokens_not_known", message);
        Self { retry_after: Some(1), ..error }
    }

    /// A token that does not reach so far.
    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    /// Too many requests.
    pub(crate) fn too_many_requests(message: impl Into<String>, retry_after: u64) -> Self {
        let error = Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", message);
        Self { retry_after: Some(retry_after.max(1)), ..error }
    }

    pub(crate) fn too_many_streams(limit: usize) -> Self {
        let message =
            format!("there are {limit} event streams already, which is as many as this server holds");
        let error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_streams", message);
        Self { retry_after: Some(10), ..error }
    }

    pub(crate) fn media_type() -> Self {
        let message = "the header content-type: expected application/json";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message)
    }

    pub(crate) fn body_not_json(message: &str) -> Self {
        Self::invalid_body(message)
    }

    pub(crate) fn targeting_key_missing() -> Self {
        let message = "context.targetingKey: expected a string, found none; this server requires it";
        Self::new(StatusCode::BAD_REQUEST, "targeting_key_missing", message)
    }

    pub(crate) fn url_too_long(limit: usize) -> Self {
        let message = format!("the path and the query: expected at most {limit} bytes");
        Self::new(StatusCode::URI_TOO_LONG, "url_too_long", message)
    }

    pub(crate) fn invalid_context(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_context", message)
    }

    pub(crate) fn no_such_flag(key: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "flag_not_found", format!("flag {:?} was not found", short(key)))
    }

    pub(crate) fn flag_broken(key: &str) -> Self {
        let message = format!(
            "flag {:?} needs a row that does not compile, and has no value meanwhile; `novi check` tells why",
            short(key)
        );
        Self::new(StatusCode::BAD_REQUEST, "flag_broken", message)
    }

    /// Writes down what only the log is told.
    pub(crate) fn log(&self, request_id: &str) {
        let Some(inside) = &self.inside else { return };
        if self.status.is_server_error() {
            tracing::error!(request_id, code = self.code, "{inside}");
        } else {
            tracing::debug!(request_id, code = self.code, "{inside}");
        }
    }

    pub(crate) fn of_toggles(error: &ToggleError) -> Self {
        match error {
            ToggleError::Invalid(text) => Self::new(StatusCode::BAD_REQUEST, "invalid_toggles", text),
            ToggleError::Forbidden(text) => Self::forbidden(text),
        }
    }

    /// What the body tells.
    pub(crate) fn told<'a>(&'a self, request_id: &'a str) -> Told<'a> {
        let problems = self.details.as_ref().map_or(&[][..], |details| &details.problems);
        let conflict = self.details.as_ref().and_then(|details| details.conflict.as_ref());
        Told { code: self.code, message: &self.outside, request_id, problems, conflict }
    }

    /// The response with its body.
    pub(crate) fn render(&self, request_id: &str) -> Response {
        let body = Envelope { error: self.told(request_id) };
        let mut response = json(self.status, &body).unwrap_or_else(|_| self.status.into_response());
        self.add_headers(&mut response);
        response
    }

    /// The headers that go with it.
    pub(crate) fn add_headers(&self, response: &mut Response) {
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
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
