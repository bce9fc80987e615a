//! How requests for management are refused.

use axum::http::StatusCode;
use novi::{Error, Revision, rows::Violation};

use super::problem::{Problem, Wrong};
use crate::error::{ApiError, ConflictTold, Details, short};

impl ApiError {
    pub(crate) fn invalid_query(cause: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_query", format!("the query: {}", short(cause)))
    }

    pub(crate) fn invalid_header(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_header", format!("the header {}", short(message)))
    }

    pub(crate) fn invalid_cursor() -> Self {
        let message =
            "the cursor: expected what an earlier answer gave as `next`, with all else as it was then";
        Self::new(StatusCode::BAD_REQUEST, "invalid_cursor", message)
    }

    pub(crate) fn invalid_id(param: &str, found: &str) -> Self {
        let message = format!("the {param} in the path: expected a whole number, found {:?}", short(found));
        Self::new(StatusCode::BAD_REQUEST, "invalid_path", message)
    }

    /// Everything that is wrong with a body, or with the rows that it would make.
    pub(crate) fn invalid(problems: Vec<Problem>) -> Self {
        let message = summary(&problems);
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", message).with_problems(problems)
    }

    /// What the rows as they are do not allow.
    pub(crate) fn refused(problems: Vec<Problem>) -> Self {
        let code = match problems.first().map(|problem| problem.wrong) {
            Some(Wrong::Exists) => "already_exists",
            Some(Wrong::InUse) => "in_use",
            _ => "refused",
        };
        Self::new(StatusCode::CONFLICT, code, summary(&problems)).with_problems(problems)
    }

    /// The row that the path names is not there.
    pub(crate) fn missing(problem: &Problem) -> Self {
        let code = match problem.wrong {
            Wrong::Missing(code) => code,
            _ => "not_found",
        };
        Self::new(StatusCode::NOT_FOUND, code, problem.message.clone())
    }

    pub(crate) fn row_not_found(table: &'static str, id: i64) -> Self {
        let code = if table == "flags" { "flag_not_found" } else { "activation_not_found" };
        Self::new(StatusCode::NOT_FOUND, code, format!("{table}#{id} was not found"))
    }

    pub(crate) fn member_not_found(activation: i64, member: &str) -> Self {
        let message = format!("activations#{activation} has no member {:?}", short(member));
        Self::new(StatusCode::NOT_FOUND, "member_not_found", message)
    }

    /// Somebody else has changed the row.
    pub(crate) fn conflict(conflict: ConflictTold) -> Self {
        let ConflictTold { table, id, name, expected, found, .. } = &conflict;
        let name = short(name);
        let found = found.map_or_else(|| "no such row".to_owned(), |found| format!("version {found}"));
        let message = format!(
            "{table}#{id} {name:?}: expected version {expected}, found {found}: somebody else has changed it; look at it again"
        );
        let error = Self::new(StatusCode::PRECONDITION_FAILED, "conflict", message);
        Self { details: Some(Box::new(Details { conflict: Some(conflict), ..Details::default() })), ..error }
    }

    pub(crate) fn no_database() -> Self {
        let message =
            "this server has no database to change or to ask: its flags come from a file or from memory";
        Self::new(StatusCode::NOT_IMPLEMENTED, "no_database", message)
    }

    /// It is written all the same.
    pub(crate) fn not_seen(revision: Revision, cause: &str) -> Self {
        let message =
            format!("the change is made, at revision {revision}, but this server does not answer by it yet");
        let error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "not_seen_yet", message);
        Self { inside: Some(cause.to_owned()), retry_after: Some(1), ..error }
    }

    /// An operation of the database that failed. What it says itself may name hosts and users, so that only the log has it.
    pub(crate) fn of_store(error: &Error) -> Self {
        let outside = |status, code, message: String| Self::new(status, code, message);
        match error {
            Error::FlagNotFound { .. } => Self::flag_not_found(error),
            Error::NotKept(message) => outside(StatusCode::NOT_FOUND, "moment_not_kept", short(message)),
            Error::NotMigrated { .. } => {
                let message = "the database has no novi tables: make them with `novi migrate`";
                outside(StatusCode::SERVICE_UNAVAILABLE, "not_migrated", message.to_owned())
            }
            Error::Constraint(violations) => {
                let problem = |broken: &Violation| Problem::at("", broken.to_string()).wrong(Wrong::Refused);
                Self::refused(violations.iter().map(problem).collect())
            }
            Error::Store { action, .. } => {
                let message =
                    format!("{}; the server's log says more, under this request's id", short(action));
                let failed = outside(StatusCode::SERVICE_UNAVAILABLE, "database_unavailable", message);
                Self { inside: Some(error.to_string()), retry_after: Some(1), ..failed }
            }
            _ => {
                let message =
                    "the database can not be used; the server's log says more, under this request's id";
                let failed =
                    outside(StatusCode::SERVICE_UNAVAILABLE, "database_unavailable", message.to_owned());
                Self { inside: Some(error.to_string()), ..failed }
            }
        }
    }

    fn with_problems(self, problems: Vec<Problem>) -> Self {
        Self { details: Some(Box::new(Details { problems, ..Details::default() })), ..self }
    }
}

fn summary(problems: &[Problem]) -> String {
    match problems {
        [problem] if problem.pointer.is_empty() => short(&problem.message),
        [problem] => format!("{}: {}", short(&problem.pointer), short(&problem.message)),
        _ => format!("{} problems", problems.len()),
    }
}
