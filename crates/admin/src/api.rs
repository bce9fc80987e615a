//! The API of the server, which pages call as any other client does: validation, access, versions and the
//! history are its own.

use std::{error::Error as StdError, fmt};

use axum::{
    Router,
    body::Body,
    extract::{MatchedPath, NestedPath, OriginalUri},
    http::{
        Extensions, HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header, request::Parts,
    },
};
use http_body_util::BodyExt as _;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value;
use tower::ServiceExt as _;

/// Headers of the browser's request that the API decides with.
const FORWARDED: [HeaderName; 4] = [
    header::HOST,
    header::ORIGIN,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("traceparent"),
];

/// Characters that stay as they are in a path or a query.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Escapes a text for a path or a query.
pub(crate) fn escape(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// A path with the fields that are not empty as its query.
pub(crate) fn with_query(path: &str, fields: &[(&str, &str)]) -> String {
    let present = fields.iter().filter(|(_, value)| !value.is_empty());
    let pairs: Vec<String> = present.map(|(name, value)| format!("{name}={}", escape(value))).collect();
    if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
}

/// The API, called for the visitor of a page.
pub(crate) struct Api {
    router: Router,
    headers: HeaderMap,
    extensions: Extensions,
}

/// A failed call.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
    pub(crate) problems: Vec<Problem>,
    pub(crate) conflict: Option<Value>,
}

/// A problem of what was sent, with its place.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Problem {
    pub(crate) pointer: String,
    pub(crate) message: String,
    pub(crate) flags: Vec<String>,
}

impl Problem {
    /// The message, with the place in the field at a pointer, and the flags that would break.
    pub(crate) fn located(&self, pointer: &str) -> String {
        let place = self.pointer.strip_prefix(pointer).unwrap_or_default();
        let place = if place.is_empty() { String::new() } else { format!("{place}: ") };
        let flags = match self.flags.as_slice() {
            [] => String::new(),
            flags => format!(" (breaks {})", flags.join(", ")),
        };
        format!("{place}{}{flags}", self.message)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Failure {}

impl Failure {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), problems: Vec::new(), conflict: None }
    }

    /// What is wrong with a field, or else the message.
    pub(crate) fn at(self, pointer: &str) -> String {
        let found = self.problems.into_iter().find(|problem| problem.pointer == pointer);
        found.map_or(self.message, |problem| problem.message)
    }

    fn of(status: StatusCode, body: &mut Value) -> Self {
        let error = &mut body["error"];
        let text = |name: &str| error.get(name).and_then(Value::as_str).map(str::to_owned);
        let message = text("message");
        let conflict = error.get("conflict").filter(|conflict| !conflict.is_null()).cloned();
        let problems = error.get_mut("problems").map(Value::take).unwrap_or_default();
        Self {
            status,
            message: message.unwrap_or_else(|| format!("the request failed with {status}")),
            problems: serde_json::from_value(problems).unwrap_or_default(),
            conflict,
        }
    }
}

impl Api {
    /// The API for the request of a page, with the token of its session.
    pub(crate) fn new(router: Router, parts: &Parts, token: Option<&str>) -> Self {
        let mut headers = HeaderMap::new();
        for name in FORWARDED {
            if let Some(value) = parts.headers.get(&name) {
                headers.insert(name, value.clone());
            }
        }
        // Over HTTP/2 the host is in the URI.
        if !headers.contains_key(header::HOST)
            && let Some(host) =
                parts.uri.authority().and_then(|host| HeaderValue::try_from(host.as_str()).ok())
        {
            headers.insert(header::HOST, host);
        }
        if let Some(mut bearer) =
            token.and_then(|token| HeaderValue::try_from(format!("Bearer {token}")).ok())
        {
            bearer.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, bearer);
        } else {
            // An application that mounts the page may use tokens of its own.
            for name in [header::AUTHORIZATION, HeaderName::from_static("x-api-key")] {
                if let Some(value) = parts.headers.get(&name) {
                    headers.insert(name, value.clone());
                }
            }
        }
        let mut extensions = parts.extensions.clone();
        // They are about the page.
        extensions.remove::<MatchedPath>();
        extensions.remove::<NestedPath>();
        extensions.remove::<OriginalUri>();
        Self { router, headers, extensions }
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.call(Method::GET, path, &[], None).await
    }

    /// Calls an endpoint.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        body: Option<String>,
    ) -> Result<Value, Failure> {
        let failed =
            |what: &str| Failure::new(StatusCode::BAD_REQUEST, format!("the request is invalid: {what}"));
        let mut request = Request::new(Body::empty());
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().map_err(|_| failed("its address"))?;
        *request.extensions_mut() = self.extensions.clone();
        *request.headers_mut() = self.headers.clone();
        for (name, value) in headers {
            // Text that is not ASCII is sent as UTF-8.
            let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| failed(name))?;
            request.headers_mut().insert(*name, value);
        }
        if let Some(body) = body {
            let json = HeaderValue::from_static("application/json");
            request.headers_mut().insert(header::CONTENT_TYPE, json);
            *request.body_mut() = Body::from(body);
        }
        let response = match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let status = response.status();
        let unreadable =
            |_| Failure::new(StatusCode::BAD_GATEWAY, "the response of the API could not be read");
        let bytes = response.into_body().collect().await.map_err(unreadable)?.to_bytes();
        let mut body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        if status.is_success() { Ok(body) } else { Err(Failure::of(status, &mut body)) }
    }
}
