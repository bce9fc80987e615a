//! How a command fails: what it says, and its exit code.

use std::{fmt::Display, process::ExitCode};

/// A command that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    const USAGE: u8 = 2;
    const NOT_FOUND: u8 = 3;
    const SYSTEM: u8 = 4;
    const REFUSED: u8 = 5;

    /// The command line or the configuration is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { code: Self::USAGE, message: message.into() }
    }

    /// A file could not be read.
    pub(crate) fn file(path: impl Display, error: &std::io::Error) -> Self {
        Self { code: Self::SYSTEM, message: format!("could not read {path}: {error}") }
    }

    /// The server could not listen or serve.
    pub(crate) fn network(message: impl Into<String>) -> Self {
        Self { code: Self::SYSTEM, message: message.into() }
    }

    /// Standard output is gone.
    pub(crate) fn output(error: &std::io::Error) -> Self {
        Self { code: Self::SYSTEM, message: format!("could not write the output: {error}") }
    }

    /// The threads could not be started.
    pub(crate) fn runtime(error: &std::io::Error) -> Self {
        Self { code: Self::SYSTEM, message: format!("could not start: {error}") }
    }

    /// Says it on standard error, and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        eprintln!("error: {}", self.message);
        ExitCode::from(self.code)
    }
}

impl From<novi::Error> for Failure {
    fn from(error: novi::Error) -> Self {
        let code = match &error {
            novi::Error::FlagNotFound { .. } => Self::NOT_FOUND,
            novi::Error::Refused(_) => Self::REFUSED,
            novi::Error::Config { .. }
            | novi::Error::DatabaseUrl { .. }
            | novi::Error::DuplicateClass { .. } => Self::USAGE,
            _ => Self::SYSTEM,
        };
        Self { code, message: error.to_string() }
    }
}
