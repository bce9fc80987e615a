//! Refusals, as OFREP has them, with novi's own beside.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::{
    error::{ApiError, Told, short},
    observe::Arrival,
    reply::json,
};

pub(super) struct Refusal<'a> {
    pub(super) error: &'a ApiError,
    /// The flag that was asked for, if it was one.
    pub(super) key: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    error_code: &'static str,
    error_details: &'a str,
    error: Told<'a>,
}

impl Refusal<'_> {
    pub(super) fn render(&self, arrival: &Arrival) -> Response {
        let error = self.error;
        error.log(arrival.id());
        let key = self.key.map(short);
        let body = Body {
            key: key.as_deref(),
            error_code: code(error),
            error_details: &error.outside,
            error: error.told(arrival.id()),
        };
        let mut response = json(error.status, &body).unwrap_or_else(|_| error.status.into_response());
        error.add_headers(&mut response);
        response
    }
}

/// OpenFeature's code for an error.
fn code(error: &ApiError) -> &'static str {
    match (error.status, error.code) {
        (StatusCode::NOT_FOUND, _) => "FLAG_NOT_FOUND",
        (_, "invalid_body") => "PARSE_ERROR",
        (_, "invalid_context") => "INVALID_CONTEXT",
        (_, "targeting_key_missing") => "TARGETING_KEY_MISSING",
        _ => "GENERAL",
    }
}
