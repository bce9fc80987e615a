//! Errors of functions, as SQLite reports them.

use std::fmt;

/// Why a function has no result. A query that calls it fails with this text.
#[derive(Debug)]
pub(crate) struct Problem(String);

impl Problem {
    pub(crate) fn new(text: impl fmt::Display) -> Self {
        Self(text.to_string())
    }

    /// As an error of a function. The text must be free of NUL characters, at which C ends it.
    pub(crate) fn of(self, function: &str) -> rusqlite::Error {
        let text = format!("{function}: {}", self.0).replace('\0', "\\0");
        rusqlite::Error::UserFunctionError(text.into())
    }
}

impl From<novi::Error> for Problem {
    fn from(error: novi::Error) -> Self {
        Self::new(error)
    }
}
