//! A failed command: its message and exit code.

use std::{
    fmt::Display,
    io::{self, Write as _},
    process::ExitCode,
};

use novi::rows::ViolationKind;
use serde::Serialize;
use serde_json::{Value, json};

use super::sanitize;

/// A command that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: u8,
    /// For programs; where the API has the same error, its code.
    code: &'static str,
    message: String,
    /// Every problem of a rejected change.
    problems: Vec<Value>,
    /// Both sides of a row that was modified in the meantime.
    conflict: Option<Value>,
}

impl Failure {
    const USAGE: u8 = 2;
    const NOT_FOUND: u8 = 3;
    const SYSTEM: u8 = 4;
    const REJECTED: u8 = 5;

    fn new(exit: u8, code: &'static str, message: impl Into<String>) -> Self {
        Self { exit, code, message: message.into(), problems: Vec::new(), conflict: None }
    }

    /// The command line or the configuration is invalid.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Self::USAGE, "usage", message)
    }

    /// The change was rejected.
    pub(crate) fn rejected(message: impl Into<String>) -> Self {
        Self::new(Self::REJECTED, "refused", message)
    }

    /// The change was rejected, with every problem.
    pub(crate) fn invalid(message: impl Into<String>, problems: &impl Serialize) -> Self {
        let problems = serde_json::to_value(problems).unwrap_or_default();
        let problems = problems.as_array().cloned().unwrap_or_default();
        Self { problems, ..Self::new(Self::REJECTED, "invalid", message) }
    }

    /// The named thing does not exist.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(Self::NOT_FOUND, "not_found", message)
    }

    /// A file cannot be read.
    pub(crate) fn file(path: impl Display, error: &io::Error) -> Self {
        Self::new(Self::SYSTEM, "file", format!("could not read {path}: {error}"))
    }

    /// A file, a connection or the server failed.
    pub(crate) fn system(message: impl Into<String>) -> Self {
        Self::new(Self::SYSTEM, "failed", message)
    }

    /// The output cannot be written.
    pub(crate) fn output(error: &io::Error) -> Self {
        Self::system(format!("could not write the output: {error}"))
    }

    /// The runtime cannot be started.
    pub(crate) fn runtime(error: &io::Error) -> Self {
        Self::system(format!("could not start: {error}"))
    }

    /// The code for programs, in place of the general one.
    pub(crate) fn code(self, code: &'static str) -> Self {
        Self { code, ..self }
    }

    /// Puts the subject in front of the message.
    pub(crate) fn about(self, what: impl Display) -> Self {
        Self { message: format!("{what}: {}", self.message), ..self }
    }

    /// Appends to the message.
    pub(crate) fn and(self, more: impl Display) -> Self {
        Self { message: format!("{}; {more}", self.message), ..self }
    }

    /// The message alone.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Prints the error on standard error, as text or as JSON, and returns the exit code.
    pub(crate) fn report(&self, as_json: bool) -> ExitCode {
        let text = if as_json {
            format!("{:#}\n", self.json())
        } else {
            sanitize(&format!("error: {}\n", self.message.trim_end())).into_owned()
        };
        // If standard error is closed (`novi list 2>&1 | true`), the exit code is all that is left.
        match io::stderr().write_all(text.as_bytes()) {
            Ok(()) | Err(_) => ExitCode::from(self.exit),
        }
    }

    /// The body of an error of the API, without a request id.
    fn json(&self) -> Value {
        let mut error = json!({"code": self.code, "message": self.message.trim_end()});
        if !self.problems.is_empty() {
            error["problems"] = Value::Array(self.problems.clone());
        }
        if let Some(conflict) = &self.conflict {
            error["conflict"] = conflict.clone();
        }
        json!({"error": error})
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

/// The exit code, and the code for programs.
fn codes(error: &novi::Error) -> (u8, &'static str) {
    use novi::Error as E;
    match error {
        E::FlagNotFound { .. } => (Failure::NOT_FOUND, "flag_not_found"),
        E::RevisionUnavailable(_) => (Failure::NOT_FOUND, "moment_not_kept"),
        E::Constraint(violations) => (
            Failure::REJECTED,
            match violations.first().map(|violation| violation.kind) {
                Some(ViolationKind::Duplicate) => "already_exists",
                Some(ViolationKind::InUse) => "in_use",
                _ => "refused",
            },
        ),
        E::Conflict(_) | E::RevisionChanged { .. } => (Failure::REJECTED, "conflict"),
        E::Invalid(_) => (Failure::REJECTED, "invalid"),
        E::NoTransaction | E::Expired { .. } => (Failure::REJECTED, "refused"),
        E::Config { .. } | E::DatabaseUrl { .. } | E::DuplicateClass { .. } => (Failure::USAGE, "usage"),
        E::NotMigrated { .. } => (Failure::SYSTEM, "not_migrated"),
        E::DamagedTables { .. } => (Failure::SYSTEM, "damaged_tables"),
        E::Contention { .. } => (Failure::SYSTEM, "contention"),
        E::Store { .. } => (Failure::SYSTEM, "database_unavailable"),
        E::File { .. } | E::MissingFile { .. } => (Failure::SYSTEM, "file"),
        _ => (Failure::SYSTEM, "failed"),
    }
}

impl From<novi::Error> for Failure {
    fn from(error: novi::Error) -> Self {
        let message = match (&error, hint(&error)) {
            // The error's own text also names methods, which do not help at a prompt.
            (novi::Error::NotMigrated { store }, _) => {
                format!("{store} has no novi tables; run `novi migrate` to create them")
            }
            (novi::Error::Config { .. }, _) => without_passwords(&error.to_string()),
            (_, Some(hint)) => format!("{error}\nhint: {hint}"),
            (_, None) => error.to_string(),
        };
        let (exit, code) = codes(&error);
        let failure = Self::new(exit, code, message);
        let values = |values: serde_json::Result<Value>| {
            values.ok().and_then(|values| values.as_array().cloned()).unwrap_or_default()
        };
        match &error {
            novi::Error::Invalid(issues) => {
                Self { problems: values(serde_json::to_value(issues)), ..failure }
            }
            novi::Error::Constraint(broken) => {
                Self { problems: values(serde_json::to_value(broken)), ..failure }
            }
            novi::Error::Conflict(conflict) => {
                Self { conflict: serde_json::to_value(conflict).ok(), ..failure }
            }
            _ => failure,
        }
    }
}
