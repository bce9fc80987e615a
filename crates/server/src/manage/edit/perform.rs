//! Performing an edit.

use std::time::Duration;

use axum::http::StatusCode;
use novi::{
    Error,
    rows::{ActivationRow, FlagRow, Issue, Revision, Rows},
    snapshot::{Plan, Snapshot, SnapshotGuard},
    store::Edit,
};
use serde_json::Value;
use tokio::time::sleep;

use crate::{
    app::{
        AppState,
        rows::{find_activation, find_flag, rows},
    },
    http::{
        error::{ApiError, ConflictDetails},
        problem::{Problem, ProblemKind},
    },
    manage::{
        edit::draft::{Draft, Outdated},
        request::{json_body::JsonBody, operation::RequestedChange, params::EditOptions},
        response::{
            plan::{EditPlan, PlannedRows},
            view::row_json,
        },
    },
    options::database::Database,
};

/// The result of an edit.
pub(crate) enum Outcome {
    Written(Written),
    /// The plan of a dry run.
    Planned(EditPlan),
}

/// An edit that is committed, and that this server uses.
pub(crate) struct Written {
    pub(crate) revision: Revision,
    pub(crate) snapshot: SnapshotGuard,
    /// The table and id of the row of each change.
    pub(crate) targets: Vec<(&'static str, i64)>,
}

impl Written {
    /// The flag of the first change.
    pub(crate) fn flag(&self) -> Result<(&Rows, &FlagRow), ApiError> {
        let rows = rows(&self.snapshot)?;
        let found = self.targets.first().and_then(|(_, id)| find_flag(rows, *id));
        Ok((rows, found.ok_or_else(|| self.row_is_gone())?))
    }

    /// The activation of the first change.
    pub(crate) fn activation(&self) -> Result<(&Rows, &ActivationRow), ApiError> {
        let rows = rows(&self.snapshot)?;
        let found = self.targets.first().and_then(|(_, id)| find_activation(rows, *id));
        Ok((rows, found.ok_or_else(|| self.row_is_gone())?))
    }

    /// The row was deleted in the meantime, or the flags do not follow this database.
    fn row_is_gone(&self) -> ApiError {
        ApiError::not_seen(self.revision, "the written row is not in the current snapshot")
    }
}

/// A request to edit rows.
pub(crate) struct EditRequest<'a> {
    state: &'a AppState,
    options: &'a EditOptions,
    changes: Vec<RequestedChange>,
    /// The body of the request.
    body: &'a Value,
    /// The problems of the body itself.
    problems: &'a [Problem],
}

/// How often an edit is planned again because its rows have changed in the meantime.
const MOST_RETRIES: u32 = 10;

enum Attempt {
    Done(Outcome),
    /// The rows may have changed: refresh and retry. If they have not, this is the response.
    Retry(ApiError),
}

impl<'a> EditRequest<'a> {
    /// A request without a body.
    pub(crate) fn new(state: &'a AppState, options: &'a EditOptions, changes: Vec<RequestedChange>) -> Self {
        Self { state, options, changes, body: &Value::Null, problems: &[] }
    }

    pub(crate) fn with_body<T>(self, body: &'a JsonBody<T>) -> Self {
        Self { body: &body.json, problems: &body.problems, ..self }
    }

    pub(crate) async fn perform(&self) -> Result<Outcome, ApiError> {
        let database = self.state.options().database.as_ref().ok_or_else(ApiError::no_database)?;
        let mut retries = 0;
        loop {
            let snapshot = self.state.flags().snapshot();
            let error = match self.attempt(database, &snapshot).await? {
                Attempt::Done(outcome) => return Ok(outcome),
                Attempt::Retry(error) => error,
            };
            retries += 1;
            if retries > MOST_RETRIES {
                return Err(error);
            }
            let Ok(is_new) = self.state.flags().refresh().await else { return Err(error) };
            let current = self.state.flags().snapshot().revision();
            if !is_new && current == snapshot.revision() {
                if error.status != StatusCode::CONFLICT || retries > 1 {
                    return Err(error);
                }
                // A revision may become visible shortly after its rows.
                sleep(Duration::from_millis(10)).await;
            }
        }
    }

    async fn attempt(&self, database: &Database, snapshot: &Snapshot) -> Result<Attempt, ApiError> {
        let rows = rows(snapshot)?;
        let mut draft = Draft::new(snapshot, rows);
        draft.problems.extend_from_slice(self.problems);
        for change in &self.changes {
            draft.add(change);
        }
        if let Some(outdated) = draft.outdated.first() {
            return Ok(Attempt::Retry(self.conflict(rows, outdated)));
        }
        let edit = self.edit(&draft);
        if !draft.problems.is_empty() {
            // All problems at once: those of the body, and those that the other changes would cause.
            let issues = self.plan(&edit, rows).problems;
            return Ok(Attempt::Retry(self.error(self.all_problems(&draft, issues))));
        }
        if self.options.dry_run {
            return Ok(Attempt::Done(Outcome::Planned(self.edit_plan(&draft, &edit, rows))));
        }
        let store = database.store().await.map_err(|error| ApiError::from_store(&error))?;
        match self.state.flags().writer().commit(store, edit.clone()).await {
            Ok(revision) => self.wait_until_seen(revision, draft.targets).await.map(Attempt::Done),
            Err(error) => self.commit_error(error, &draft, &edit, rows).map(Attempt::Retry),
        }
    }

    /// The error of an edit that was not written.
    ///
    /// # Errors
    /// The database failed.
    fn commit_error(
        &self,
        error: Error,
        draft: &Draft<'_>,
        edit: &Edit,
        rows: &Rows,
    ) -> Result<ApiError, ApiError> {
        let mut problems = match error {
            Error::Conflict(conflict) => {
                let (table, id) = (conflict.table, conflict.id);
                let (expected, found) = (conflict.expected, conflict.found.unwrap_or_default());
                return Ok(self.conflict(rows, &Outdated { table, id, expected, found }));
            }
            Error::Invalid(issues) => self.all_problems(draft, issues),
            Error::Constraint(_) | Error::FlagNotFound { .. } => {
                let mut problems = self.all_problems(draft, self.plan(edit, rows).problems);
                mark_refused(&mut problems);
                problems
            }
            error => return Err(ApiError::from_store(&error)),
        };
        if problems.is_empty() {
            // The snapshot's rows allow the edit, so the database has others.
            let problem = Problem::new("", "the rows have changed in the meantime; retry");
            problems.push(problem.kind(ProblemKind::Refused));
        }
        Ok(self.error(problems))
    }

    fn edit(&self, draft: &Draft<'_>) -> Edit {
        let mut edit = Edit::new(draft.changes.iter().cloned());
        (edit.actor, edit.reason) = (self.options.actor.clone(), self.options.reason.clone());
        draft.versions.iter().fold(edit, |edit, (row, version)| edit.expect(row.clone(), *version))
    }

    fn edit_plan(&self, draft: &Draft<'_>, edit: &Edit, rows: &Rows) -> EditPlan {
        let plan = self.plan(edit, rows);
        EditPlan {
            written: false,
            revision: rows.revision.number(),
            plan: PlannedRows { flags: plan.flags, activations: plan.activations },
            problems: self.all_problems(draft, plan.problems),
        }
    }

    fn plan(&self, edit: &Edit, rows: &Rows) -> Plan {
        self.state.flags().validator().plan(rows.clone(), edit)
    }

    /// Waits until this server uses the revision.
    async fn wait_until_seen(
        &self,
        revision: Revision,
        targets: Vec<(&'static str, i64)>,
    ) -> Result<Outcome, ApiError> {
        let flags = self.state.flags();
        flags.refresh_to(revision).await.map_err(|error| ApiError::not_seen(revision, &error.to_string()))?;
        Ok(Outcome::Written(Written { revision, snapshot: flags.snapshot(), targets }))
    }

    /// Whether this is one change, of the row in the path.
    fn is_single(&self) -> bool {
        matches!(&*self.changes, [RequestedChange { row_pointer: None, .. }])
    }

    fn error(&self, problems: Vec<Problem>) -> ApiError {
        let is_missing = |problem: &&Problem| matches!(problem.kind, ProblemKind::Missing(_));
        if self.is_single()
            && let Some(missing) = problems.iter().find(is_missing)
        {
            return ApiError::missing(missing);
        }
        let is_invalid =
            |problem: &Problem| matches!(problem.kind, ProblemKind::Invalid | ProblemKind::Missing(_));
        if problems.iter().any(is_invalid) {
            ApiError::invalid(problems)
        } else {
            ApiError::refused(problems)
        }
    }

    fn conflict(&self, rows: &Rows, outdated: &Outdated) -> ApiError {
        let Outdated { table, id, expected, found } = *outdated;
        let theirs = row_json(rows, table, id);
        let name = theirs.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        ApiError::conflict(ConflictDetails {
            table,
            id,
            name,
            expected,
            found: theirs.get("version").and_then(Value::as_i64).or(Some(found).filter(|found| *found > 0)),
            theirs,
            yours: self.body.clone(),
        })
    }

    /// The problems of a draft, and the issues that its rows would have.
    fn all_problems(&self, draft: &Draft<'_>, issues: Vec<Issue>) -> Vec<Problem> {
        let mut problems = draft.problems.clone();
        for issue in issues {
            let problem = Problem::from_issue(&issue, draft.pointer_of(&issue), self.body);
            let is_same = |other: &Problem| {
                let is_same_row = other.id == problem.id || (other.id.is_none() && !other.pointer.is_empty());
                other.pointer == problem.pointer && is_same_row
            };
            if !draft.problems.iter().any(is_same) {
                problems.push(problem);
            }
        }
        problems
    }
}

/// Problems without a column are about the current rows, rather than about the body.
fn mark_refused(problems: &mut [Problem]) {
    for problem in problems {
        if problem.pointer.is_empty() || problem.pointer.ends_with("/id") {
            problem.kind = ProblemKind::Refused;
        }
    }
}
