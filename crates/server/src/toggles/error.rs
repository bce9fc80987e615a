//! Errors of toggles.

use std::fmt;

use axum::http::StatusCode;

use crate::http::error::ApiError;

/// Why the toggles of a request are rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ToggleError {
    /// The list is invalid. The text has the invalid part and what was expected.
    Invalid(String),
    /// The caller may not override flags.
    Forbidden(String),
}

impl fmt::Display for ToggleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(text) | Self::Forbidden(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for ToggleError {}

impl From<ToggleError> for ApiError {
    fn from(error: ToggleError) -> Self {
        match error {
            ToggleError::Invalid(text) => Self::new(StatusCode::BAD_REQUEST, "invalid_toggles", text),
            ToggleError::Forbidden(text) => Self::forbidden(text),
        }
    }
}
