//! Errors of management.

use axum::http::StatusCode;
use novi::{
    Error,
    rows::{Conflict, Revision, Violation},
    store::SchemaStore,
};
use novi_match::suggest::most_similar;

use crate::{
    app::AppState,
    http::{
        error::{ApiError, ConflictDetails},
        problem::{Problem, ProblemKind},
        text::short,
    },
};

/// The store that the endpoints write to.
///
/// # Errors
/// 501 if there is none, 503 if it cannot be opened.
pub(crate) async fn store(state: &AppState) -> Result<&dyn SchemaStore, ApiError> {
    let database = state.options().database.as_ref().ok_or_else(ApiError::no_database)?;
    database.store().await.map_err(|error| ApiError::from_store(&error))
}

impl ApiError {
    pub(crate) fn invalid_query(cause: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_query", format!("query: {}", short(cause)))
    }

    /// A parameter of the query that the endpoint does not have.
    pub(crate) fn unknown_parameter(name: &str, known: &[String]) -> Self {
        let hint = match most_similar(name, known.iter().map(String::as_str)) {
            Some(similar) => format!("; did you mean `{similar}`?"),
            None if known.is_empty() => "; this endpoint has none".to_owned(),
            None => format!("; expected `{}`", known.join("`, `")),
        };
        let message = format!("query: unknown parameter `{}`{hint}", short(name));
        Self::new(StatusCode::BAD_REQUEST, "invalid_query", message)
    }

    pub(crate) fn invalid_header(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_header", format!("header {}", short(message)))
    }

    pub(crate) fn invalid_cursor() -> Self {
        let message = "cursor: expected `next` of a previous response, with all other parameters unchanged";
        Self::new(StatusCode::BAD_REQUEST, "invalid_cursor", message)
    }

    pub(crate) fn invalid_id(param: &str, found: &str) -> Self {
        let message = format!("{param} in the path: expected an integer, found {:?}", short(found));
        Self::new(StatusCode::BAD_REQUEST, "invalid_path", message)
    }

    /// All problems of a body, and of the rows that it would make.
    pub(crate) fn invalid(problems: Vec<Problem>) -> Self {
        let message = summary(&problems);
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", message).problems(problems)
    }

    /// All problems of a change: 404 if the row in the path does not exist, 422 if the body is invalid or
    /// would make invalid rows, and 409 if only the other rows do not allow it.
    pub(crate) fn rejected(problems: Vec<Problem>) -> Self {
        let in_path = |problem: &Problem| match problem.kind {
            ProblemKind::Missing(code) if problem.pointer.is_empty() => Some((code, problem.message.clone())),
            _ => None,
        };
        if let Some((code, message)) = problems.iter().find_map(in_path) {
            return Self::new(StatusCode::NOT_FOUND, code, message);
        }
        if problems
            .iter()
            .any(|problem| matches!(problem.kind, ProblemKind::Invalid | ProblemKind::Missing(_)))
        {
            return Self::invalid(problems);
        }
        let code = match problems.first().map(|problem| problem.kind) {
            Some(ProblemKind::Exists) => "already_exists",
            Some(ProblemKind::InUse) => "in_use",
            _ => "refused",
        };
        Self::new(StatusCode::CONFLICT, code, summary(&problems)).problems(problems)
    }

    pub(crate) fn row_not_found(table: &'static str, id: i64) -> Self {
        let code = if table == "flags" { "flag_not_found" } else { "activation_not_found" };
        Self::new(StatusCode::NOT_FOUND, code, format!("{table}#{id} was not found"))
    }

    pub(crate) fn token_not_found(id: i64) -> Self {
        Self::new(StatusCode::NOT_FOUND, "token_not_found", format!("novi_tokens#{id} was not found"))
    }

    pub(crate) fn no_tokens() -> Self {
        Self::new(
            StatusCode::NOT_IMPLEMENTED,
            "no_tokens",
            "the database of this server does not support tokens",
        )
    }

    pub(crate) fn member_not_found(activation: i64, member: &str) -> Self {
        let message = format!("activations#{activation} has no member {:?}", short(member));
        Self::new(StatusCode::NOT_FOUND, "member_not_found", message)
    }

    /// The row was modified since the caller read it.
    pub(crate) fn conflict(conflict: ConflictDetails) -> Self {
        let ConflictDetails { table, id, name, expected, found, .. } = &conflict;
        let message = Conflict::new(table, *id, short(name), *expected, *found).to_string();
        Self::new(StatusCode::PRECONDITION_FAILED, "conflict", message)
            .details(|details| details.conflict = Some(conflict))
    }

    pub(crate) fn no_database() -> Self {
        let message = "this server has no database for changes and history; set `Options::database`, or use \
                       `novi_server::Server`";
        Self::new(StatusCode::NOT_IMPLEMENTED, "no_database", message)
    }

    /// The edit was committed all the same.
    pub(crate) fn not_seen(revision: Revision, cause: &str) -> Self {
        let message =
            format!("the change was committed as revision {revision}, but this server has not loaded it yet");
        let error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "not_seen_yet", message);
        error.log_message(cause.to_owned()).retry_after(1)
    }

    /// An error of the database. Its own message is only logged: it may name hosts and users.
    pub(crate) fn from_store(error: &Error) -> Self {
        match error {
            Error::FlagNotFound { .. } => Self::flag_not_found(error),
            Error::RevisionUnavailable(message) => {
                Self::new(StatusCode::NOT_FOUND, "moment_not_kept", short(message))
            }
            Error::NotMigrated { .. } => {
                let message = "the database has no tables of novi; create them with `novi migrate`";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "not_migrated", message)
            }
            Error::Constraint(violations) => {
                let problem = |broken: &Violation| Problem {
                    message: broken.to_string(),
                    kind: ProblemKind::Refused,
                    ..Problem::from_violation(broken, String::new())
                };
                Self::rejected(violations.iter().map(problem).collect())
            }
            Error::DamagedTables { action, problem, .. } => {
                let message =
                    format!("{}: {}; run `novi migrate` to repair the tables", short(action), short(problem));
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "damaged_tables", message)
                    .log_message(error.to_string())
            }
            Error::Store { action, .. } => {
                Self::database_unavailable(&short(action)).log_message(error.to_string()).retry_after(1)
            }
            Error::Contention { action, .. } => {
                let message = format!("{}: another transaction was in the way; try again", short(action));
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "contention", message)
                    .log_message(error.to_string())
                    .retry_after(1)
            }
            _ => Self::database_unavailable("the database failed").log_message(error.to_string()),
        }
    }

    fn database_unavailable(what: &str) -> Self {
        let message = format!("{what}; the server's log has the details under this request id");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "database_unavailable", message)
    }

    fn problems(self, problems: Vec<Problem>) -> Self {
        self.details(|details| details.problems = problems)
    }
}

fn summary(problems: &[Problem]) -> String {
    match problems {
        [problem] if problem.pointer.is_empty() => short(&problem.message),
        [problem] => format!("{}: {}", short(&problem.pointer), short(&problem.message)),
        _ => format!("{} problems", problems.len()),
    }
}
