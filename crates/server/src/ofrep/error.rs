//! Errors of OFREP.

use axum::http::StatusCode;

use crate::http::{
    error::{ApiError, OfrepFields},
    text::short,
};

impl ApiError {
    /// Adds the fields that OFREP requires, unless the error has them. `key` is the key of the flag, if the
    /// request is for one flag.
    pub(crate) fn with_ofrep_fields(self, key: Option<&str>) -> Self {
        let code = error_code(&self);
        self.details(|details| {
            details.ofrep.get_or_insert_with(|| OfrepFields { key: key.map(short), code });
        })
    }
}

/// OpenFeature's code for an error.
fn error_code(error: &ApiError) -> &'static str {
    match (error.status, error.code) {
        (StatusCode::NOT_FOUND, _) => "FLAG_NOT_FOUND",
        (_, "invalid_body" | "flag_broken") => "PARSE_ERROR",
        (_, "invalid_context") => "INVALID_CONTEXT",
        (_, "targeting_key_missing") => "TARGETING_KEY_MISSING",
        _ => "GENERAL",
    }
}
