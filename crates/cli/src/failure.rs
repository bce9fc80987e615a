//! How a command fails: what it says, and its exit code.

use std::{
    fmt::Display,
    io::{self, Write as _},
    process::ExitCode,
};

use crate::output::readable;

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

    /// The change can not be made.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self { code: Self::REFUSED, message: message.into() }
    }

    /// What was named is not there.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self { code: Self::NOT_FOUND, message: message.into() }
    }

    /// A file could not be read.
    pub(crate) fn file(path: impl Display, error: &io::Error) -> Self {
        Self { code: Self::SYSTEM, message: format!("could not read {path}: {error}") }
    }

    /// The server could not listen or serve.
    pub(crate) fn network(message: impl Into<String>) -> Self {
        Self { code: Self::SYSTEM, message: message.into() }
    }

    /// Standard output is gone.
    pub(crate) fn output(error: &io::Error) -> Self {
        Self { code: Self::SYSTEM, message: format!("could not write the output: {error}") }
    }

    /// The threads could not be started.
    pub(crate) fn runtime(error: &io::Error) -> Self {
        Self { code: Self::SYSTEM, message: format!("could not start: {error}") }
    }

    /// The same failure, with what it is about in front.
    pub(crate) fn about(self, what: impl Display) -> Self {
        Self { message: format!("{what}: {}", self.message), ..self }
    }

    /// The same failure, with what else there is to know behind it.
    pub(crate) fn and(self, more: impl Display) -> Self {
        Self { message: format!("{}; {more}", self.message), ..self }
    }

    /// Says it on standard error, and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        let message = format!("error: {}\n", self.message.trim_end());
        // Where standard error is gone (`novi list 2>&1 | true`), the exit code has to tell.
        match io::stderr().write_all(readable(&message).as_bytes()) {
            Ok(()) | Err(_) => ExitCode::from(self.code),
        }
    }
}

/// What to do about an error, where its own text does not say so.
fn advice(error: &novi::Error) -> Option<&'static str> {
    const ADDRESS: &str = "is the server running, and is this its address? It comes from --database, \
         NOVI_DATABASE__URL or [database] url in the configuration";
    const FILE: &str = "are the folder and the file there, and may you read and write them?";
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

/// The text of an error of the configuration, which shows the line at fault, without the password of an address there.
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
            novi::Error::FlagNotFound { .. } | novi::Error::NotKept(_) => Self::NOT_FOUND,
            novi::Error::Constraint(_)
            | novi::Error::NoTransaction
            | novi::Error::Conflict(_)
            | novi::Error::Invalid(_)
            | novi::Error::Expired { .. } => Self::REFUSED,
            novi::Error::Config { .. }
            | novi::Error::DatabaseUrl { .. }
            | novi::Error::MissingFile { .. }
            | novi::Error::DuplicateClass { .. } => Self::USAGE,
            _ => Self::SYSTEM,
        };
        let message = match (&error, advice(&error)) {
            // The error's own text speaks of methods, too, which are not for people at a prompt.
            (novi::Error::NotMigrated { store }, _) => {
                format!("{store} has no novi tables: make them with `novi migrate`")
            }
            (novi::Error::Config { .. }, _) => without_passwords(&error.to_string()),
            (_, Some(advice)) => format!("{error}\nhint: {advice}"),
            (_, None) => error.to_string(),
        };
        Self { code, message }
    }
}
