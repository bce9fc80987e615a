//! A failed command: its message and exit code.

use std::{
    fmt::Display,
    io::{self, Write as _},
    process::ExitCode,
};

use super::sanitize;

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
    const REJECTED: u8 = 5;

    /// The command line or the configuration is invalid.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { code: Self::USAGE, message: message.into() }
    }

    /// The change was rejected.
    pub(crate) fn rejected(message: impl Into<String>) -> Self {
        Self { code: Self::REJECTED, message: message.into() }
    }

    /// The named thing does not exist.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self { code: Self::NOT_FOUND, message: message.into() }
    }

    /// A file cannot be read.
    pub(crate) fn file(path: impl Display, error: &io::Error) -> Self {
        Self { code: Self::SYSTEM, message: format!("could not read {path}: {error}") }
    }

    /// A file, a connection or the server failed.
    pub(crate) fn system(message: impl Into<String>) -> Self {
        Self { code: Self::SYSTEM, message: message.into() }
    }

    /// The output cannot be written.
    pub(crate) fn output(error: &io::Error) -> Self {
        Self { code: Self::SYSTEM, message: format!("could not write the output: {error}") }
    }

    /// The runtime cannot be started.
    pub(crate) fn runtime(error: &io::Error) -> Self {
        Self { code: Self::SYSTEM, message: format!("could not start: {error}") }
    }

    /// Puts the subject in front of the message.
    pub(crate) fn about(self, what: impl Display) -> Self {
        Self { message: format!("{what}: {}", self.message), ..self }
    }

    /// Appends to the message.
    pub(crate) fn and(self, more: impl Display) -> Self {
        Self { message: format!("{}; {more}", self.message), ..self }
    }

    /// Prints the message on standard error and returns the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        let message = format!("error: {}\n", self.message.trim_end());
        // If standard error is closed (`novi list 2>&1 | true`), the exit code is all that is left.
        match io::stderr().write_all(sanitize(&message).as_bytes()) {
            Ok(()) | Err(_) => ExitCode::from(self.code),
        }
    }
}

/// What to do about an error whose own text does not say it.
fn hint(error: &novi::Error) -> Option<&'static str> {
    const ADDRESS: &str = "check that the database server is running, and the address in --database, \
         NOVI_DATABASE__URL or [database] url";
    const FILE: &str = "check that the folder exists, and that you may read and write the file";
    let novi::Error::Store { source, action, .. } = error else { return None };
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(source.as_ref());
    while let Some(error) = cause {
        if error.is::<io::Error>() {
            return Some(ADDRESS);
        }
        cause = error.source();
    }
    (action == "could not open the database").then_some(FILE)
}

/// The text of a configuration error without passwords: it quotes the invalid value, which may be a URL.
fn without_passwords(text: &str) -> String {
    let mut parts = text.split("://");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        shown.push_str("://");
        let line = part.find(['"', '\'', '\n']).unwrap_or(part.len());
        let password = part[..line].rfind('@').and_then(|at| Some((part[..at].find(':')? + 1, at)));
        match password {
            Some((start, end)) => shown.extend([&part[..start], "***", &part[end..]]),
            None => shown.push_str(part),
        }
    }
    shown
}

impl From<novi::Error> for Failure {
    fn from(error: novi::Error) -> Self {
        let code = match &error {
            novi::Error::FlagNotFound { .. } | novi::Error::RevisionUnavailable(_) => Self::NOT_FOUND,
            novi::Error::Constraint(_)
            | novi::Error::NoTransaction
            | novi::Error::Conflict(_)
            | novi::Error::Invalid(_)
            | novi::Error::Expired { .. } => Self::REJECTED,
            novi::Error::Config { .. }
            | novi::Error::DatabaseUrl { .. }
            | novi::Error::DuplicateClass { .. } => Self::USAGE,
            _ => Self::SYSTEM,
        };
        let message = match (&error, hint(&error)) {
            // The error's own text also names methods, which do not help at a prompt.
            (novi::Error::NotMigrated { store }, _) => {
                format!("{store} has no novi tables; run `novi migrate` to create them")
            }
            (novi::Error::Config { .. }, _) => without_passwords(&error.to_string()),
            (_, Some(hint)) => format!("{error}\nhint: {hint}"),
            (_, None) => error.to_string(),
        };
        Self { code, message }
    }
}
