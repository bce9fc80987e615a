//! Errors of requests.

use axum::{
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use novi::error::json_terms;
use schemars::JsonSchema;
use serde::Serialize;

use crate::http::{json::json, problem::Problem, text::short};

/// A request that failed, with a message for the caller and another one for the log.
///
/// As a response it has a status and no body yet: the body needs the request's id, which
/// [`Exchange`](crate::app::observe::Exchange) knows.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    /// For the caller.
    pub(crate) message: String,
    /// For the log only: it may name hosts and users.
    pub(crate) log_message: Option<String>,
    /// After how many seconds the caller may retry.
    pub(crate) retry_after: Option<u64>,
    /// Boxed, since few errors have any.
    pub(crate) details: Option<Box<Details>>,
}

/// What few errors have in addition to their message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Details {
    pub(crate) problems: Vec<Problem>,
    pub(crate) conflict: Option<ConflictDetails>,
    /// The fields that OFREP requires of an error.
    pub(crate) ofrep: Option<OfrepFields>,
}

/// Both sides of a change of a row that was modified in the meantime.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Conflict")]
pub(crate) struct ConflictDetails {
    /// `flags` or `activations`
    pub(crate) table: &'static str,
    /// The row's id.
    pub(crate) id: i64,
    /// The row's name.
    pub(crate) name: String,
    /// The version that the caller had read.
    pub(crate) expected: i64,
    /// The row's current version; null if the row was deleted.
    pub(crate) found: Option<i64>,
    /// The current row; null if it was deleted.
    pub(crate) theirs: serde_json::Value,
    /// The body of the request.
    pub(crate) yours: serde_json::Value,
}

/// An error as OFREP has it. novi's own `error` stands next to these fields.
#[derive(Clone, Debug)]
pub(crate) struct OfrepFields {
    /// The flag's key, if the request is for one flag.
    pub(crate) key: Option<String>,
    /// OpenFeature's error code.
    pub(crate) code: &'static str,
}

/// The body of an error.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Error")]
pub(crate) struct ErrorBody<'a> {
    error: ErrorDetails<'a>,
}

/// The body of an error of OFREP.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OfrepErrorBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    error_code: &'static str,
    error_details: &'a str,
    error: ErrorDetails<'a>,
}

/// An error.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ErrorDetails<'a> {
    /// For programs; stable.
    code: &'static str,
    /// For people; may change in any release.
    message: &'a str,
    /// Identifies the request in the log.
    request_id: &'a str,
    /// Every problem, with its place in the request's body.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schemars(default)]
    problems: &'a [Problem],
    /// Both sides, if the row was modified in the meantime.
    #[serde(skip_serializing_if = "Option::is_none")]
    conflict: Option<&'a ConflictDetails>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), log_message: None, retry_after: None, details: None }
    }

    pub(crate) fn flag_not_found(error: &novi::Error) -> Self {
        Self::new(StatusCode::NOT_FOUND, "flag_not_found", short(&error.to_string()))
    }

    /// `prefix` is the path at which the router is mounted.
    pub(crate) fn route_not_found(prefix: &str, path: &str) -> Self {
        let (prefix, path) = (short(prefix), short(path));
        let message = format!(
            "no route {prefix}{path}; GET {prefix}/openapi.json lists the routes, such as GET {prefix}/flags and POST \
             {prefix}/ofrep/v1/evaluate/flags"
        );
        Self::new(StatusCode::NOT_FOUND, "route_not_found", message)
    }

    pub(crate) fn method_not_allowed(method: &Method) -> Self {
        let method = short(method.as_str());
        let message = format!(
            "method {method} is not allowed for this path; the header `allow` lists the allowed methods"
        );
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
    }

    pub(crate) fn invalid_path() -> Self {
        let message = "name in the path: expected percent-encoded UTF-8, found other bytes";
        Self::new(StatusCode::BAD_REQUEST, "invalid_path", message)
    }

    pub(crate) fn body_not_utf8(error: std::str::Utf8Error) -> Self {
        Self::invalid_body(&format!("expected UTF-8, found other bytes after byte {}", error.valid_up_to()))
    }

    pub(crate) fn body_not_context(text: &str, error: &serde_json::Error) -> Self {
        const EXPECTATION: &str = "expected the context as a JSON object, or no body";
        Self::invalid_body(&if error.is_data() {
            json_terms::unmet(EXPECTATION, error)
        } else {
            format!("{EXPECTATION}: {}", json_terms::of_text(text, error))
        })
    }

    pub(crate) fn invalid_body(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_body", format!("body: {}", short(message)))
    }

    pub(crate) fn body_too_large(limit: usize) -> Self {
        let message = format!("body: expected at most {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message)
    }

    pub(crate) fn context_too_large(limit: usize) -> Self {
        let message = format!("context: expected at most {limit} bytes of JSON");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "context_too_large", message)
    }

    pub(crate) fn evaluation_timeout(limit: std::time::Duration) -> Self {
        let message = format!("evaluating the flags took more than {limit:?}; send a smaller context");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "evaluation_timeout", message).retry_after(10)
    }

    pub(crate) fn content_encoding() -> Self {
        let message = "header content-encoding: expected `identity` or none; send the body uncompressed";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_content_encoding", message)
    }

    pub(crate) fn body_incomplete(cause: &axum::BoxError) -> Self {
        let message = "body: the connection or a chunk ended before the end of the body";
        Self::new(StatusCode::BAD_REQUEST, "body_incomplete", message).log_message(cause.to_string())
    }

    pub(crate) fn request_timeout(limit: std::time::Duration) -> Self {
        let message = format!("body: not received within {limit:?}");
        Self::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", message)
    }

    pub(crate) fn answer_timeout(limit: std::time::Duration) -> Self {
        let message = format!(
            "the response was not ready within {limit:?}; retry, but read the row first if you changed one: the \
             change may have been made"
        );
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "answer_timeout", message)
    }

    pub(crate) fn rows_not_kept() -> Self {
        let message = "this server does not keep the rows of its flags; build them with \
                       `Flags::builder().keep_rows()`, or use `novi_server::Server`";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "rows_not_kept", message)
    }

    pub(crate) fn internal(log_message: String) -> Self {
        let message = "internal error; the server's log has the details under this request id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", message).log_message(log_message)
    }

    /// No token, or an invalid one.
    pub(crate) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
    }

    /// The tokens have not been loaded yet.
    pub(crate) fn tokens_not_known() -> Self {
        let message = "the tokens have not been loaded from the database yet; retry";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "tokens_not_known", message).retry_after(1)
    }

    /// The token does not grant the right.
    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    pub(crate) fn too_many_requests(message: impl Into<String>, seconds: u64) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", message).retry_after(seconds.max(1))
    }

    pub(crate) fn too_many_streams(limit: usize) -> Self {
        let message = format!("the limit of {limit} open event streams is reached");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_streams", message).retry_after(10)
    }

    pub(crate) fn too_many_streams_of_address(limit: usize) -> Self {
        let message = format!(
            "the limit of {limit} open event streams of one address is reached ([server] streams_per_address)"
        );
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_streams", message).retry_after(10)
    }

    /// A server without flags so far.
    pub(crate) fn starting() -> Self {
        let message = "the server is starting; retry";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "starting", message).retry_after(1)
    }

    /// Its problems; the error itself if it has none.
    pub(crate) fn into_problems(self) -> Vec<Problem> {
        let problems = self.details.map(|details| details.problems).unwrap_or_default();
        if problems.is_empty() { vec![Problem::new("", self.message)] } else { problems }
    }

    /// There are no rows: neither from the database nor from a snapshot file.
    pub(crate) fn no_rows() -> Self {
        let message = "there are no flags: the database has been unavailable since the start; retry";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "no_rows", message).retry_after(1)
    }

    pub(crate) fn too_many_connections() -> Self {
        let message = "too many connections are open; only health checks are answered";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_connections", message).retry_after(10)
    }

    pub(crate) fn invalid_host() -> Self {
        let message = "header host: expected exactly one";
        Self::new(StatusCode::BAD_REQUEST, "invalid_host", message)
    }

    pub(crate) fn too_many_headers(limit: usize) -> Self {
        let message = format!("headers: expected at most {limit}");
        Self::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "too_many_headers", message)
    }

    pub(crate) fn health_only() -> Self {
        let message = "this address only has GET /health/live and GET /health/ready";
        Self::new(StatusCode::NOT_FOUND, "route_not_found", message)
    }

    pub(crate) fn media_type() -> Self {
        let message = "header content-type: expected application/json";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message)
    }

    pub(crate) fn targeting_key_missing() -> Self {
        let message = "context.targetingKey: expected a string, found none; this server requires it";
        Self::new(StatusCode::BAD_REQUEST, "targeting_key_missing", message)
    }

    /// The variant of a flag has no value.
    pub(crate) fn variant_without_value(key: &str) -> Self {
        let message = format!(
            "the variant of flag {:?} has no value, or one of another type than the flag declares; see `novi check`",
            short(key)
        );
        Self::new(StatusCode::BAD_REQUEST, "flag_broken", message)
    }

    /// The answer of a flag depends on the targeting key.
    pub(crate) fn flag_needs_targeting_key(key: &str) -> Self {
        let message = format!(
            "context.targetingKey: expected a string that is not empty; flag {:?} draws by it",
            short(key)
        );
        Self::new(StatusCode::BAD_REQUEST, "targeting_key_missing", message)
    }

    pub(crate) fn url_too_long(limit: usize) -> Self {
        let message = format!("URL: expected at most {limit} bytes of path and query");
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
            "flag {:?} is broken by an invalid row and has no value; `novi check` reports the row",
            short(key)
        );
        Self::new(StatusCode::BAD_REQUEST, "flag_broken", message)
    }

    pub(crate) fn log_message(self, message: String) -> Self {
        Self { log_message: Some(message), ..self }
    }

    pub(crate) fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// Changes the details.
    pub(crate) fn details(mut self, change: impl FnOnce(&mut Details)) -> Self {
        change(self.details.get_or_insert_default());
        self
    }

    /// Logs the message for the log, if there is one.
    pub(crate) fn log(&self, request_id: &str) {
        let Some(message) = &self.log_message else { return };
        if self.status.is_server_error() {
            tracing::error!(request_id, code = self.code, "{message}");
        } else {
            tracing::debug!(request_id, code = self.code, "{message}");
        }
    }

    /// The body of an error of the API.
    pub(crate) fn body<'a>(&'a self, request_id: &'a str) -> ErrorBody<'a> {
        ErrorBody { error: self.error_details(request_id) }
    }

    fn error_details<'a>(&'a self, request_id: &'a str) -> ErrorDetails<'a> {
        let problems = self.details.as_ref().map_or(&[][..], |details| &details.problems);
        let conflict = self.details.as_ref().and_then(|details| details.conflict.as_ref());
        ErrorDetails { code: self.code, message: &self.message, request_id, problems, conflict }
    }

    /// The response with its body.
    pub(crate) fn render(&self, request_id: &str) -> Response {
        let response = match self.details.as_ref().and_then(|details| details.ofrep.as_ref()) {
            None => json(self.status, &self.body(request_id)),
            Some(OfrepFields { key, code }) => {
                let body = OfrepErrorBody {
                    key: key.as_deref(),
                    error_code: code,
                    error_details: &self.message,
                    error: self.error_details(request_id),
                };
                json(self.status, &body)
            }
        };
        let mut response = response.unwrap_or_else(|_| self.status.into_response());
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
