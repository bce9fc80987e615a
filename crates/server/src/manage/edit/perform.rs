//! Performing an edit.

use std::{sync::Arc, time::Duration};

use axum::http::StatusCode;
use novi::{
    Error,
    activation::Registry,
    rows::{Conflict, Revision, Rows},
    snapshot::{Snapshot, SnapshotGuard},
};
use serde_json::Value;
use tokio::time::sleep;

use crate::{
    app::{AppState, rows::rows},
    http::{
        error::{ApiError, ConflictDetails},
        problem::{Problem, ProblemKind},
    },
    manage::{
        edit::draft::Draft,
        request::{
            json_body::JsonBody,
            operation::{Operation, RequestedChange},
            params::EditOptions,
        },
        response::{
            plan::{EditPlan, PlannedRows},
            view::RowDetail,
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
    pub(crate) registry: Arc<Registry>,
    /// The table and id of the row of each change.
    pub(crate) targets: Vec<(&'static str, i64)>,
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

enum Attempt {
    Done(Outcome),
    /// The rows may have changed: refresh and retry.
    Retry(Rejected),
}

/// An edit that was not written.
struct Rejected {
    /// The response, unless a retry succeeds.
    error: ApiError,
    /// How often to retry while other rows are found each time.
    retries: u32,
    /// How often to retry while no other rows are found. A revision may become visible shortly after its rows.
    waits: u32,
}

impl Rejected {
    /// The caller's edit does not fit the rows.
    fn by_caller(error: ApiError) -> Self {
        let waits = u32::from(error.status == StatusCode::CONFLICT);
        Self { error, retries: 10, waits }
    }

    /// Others write the same row, and the caller does not mind: the timeout of the request is the only limit.
    fn overtaken() -> Self {
        let problem = Problem::new("", "others keep changing the row; retry").kind(ProblemKind::Refused);
        Self { error: ApiError::rejected(vec![problem]), retries: u32::MAX, waits: 200 }
    }

    /// Others create rows as well.
    fn id_taken(error: ApiError) -> Self {
        Self { error, retries: 1000, waits: 20 }
    }
}

impl<'a> EditRequest<'a> {
    /// A request without a body.
    pub(crate) fn new(state: &'a AppState, options: &'a EditOptions, changes: Vec<RequestedChange>) -> Self {
        Self { state, options, changes, body: &Value::Null, problems: &[] }
    }

    /// A request for one change, of the row in the path.
    pub(crate) fn single(state: &'a AppState, options: &'a EditOptions, operation: Operation) -> Self {
        Self::new(state, options, vec![RequestedChange::single(operation)])
    }

    pub(crate) fn with_body<T>(self, body: &'a JsonBody<T>) -> Self {
        Self { body: &body.json, problems: &body.problems, ..self }
    }

    pub(crate) async fn perform(&self) -> Result<Outcome, ApiError> {
        let database = self.state.options().database.as_ref().ok_or_else(ApiError::no_database)?;
        let (mut retries, mut waits) = (0, 0);
        loop {
            let snapshot = self.state.flags().snapshot();
            let rejected = match self.attempt(database, &snapshot).await? {
                Attempt::Done(outcome) => return Ok(outcome),
                Attempt::Retry(rejected) => rejected,
            };
            let Ok(is_new) = self.state.flags().refresh().await else { return Err(rejected.error) };
            if is_new || self.state.flags().snapshot().revision() != snapshot.revision() {
                (retries, waits) = (retries + 1, 0);
            } else {
                waits += 1;
            }
            if retries > rejected.retries || waits > rejected.waits {
                return Err(rejected.error);
            }
            if waits > 0 {
                sleep(Duration::from_millis(10)).await;
            }
        }
    }

    async fn attempt(&self, database: &Database, snapshot: &Snapshot) -> Result<Attempt, ApiError> {
        let rows = rows(snapshot)?;
        let draft = Draft::of(rows, self.body, self.problems, &self.changes);
        if let Some(outdated) = draft.outdated.first() {
            return Ok(Attempt::Retry(Rejected::by_caller(self.conflict(rows, outdated))));
        }
        let mut edit = draft.edit();
        (edit.actor, edit.reason) = (self.options.actor.clone(), self.options.reason.clone());
        if !draft.problems.is_empty() || self.options.dry_run {
            let flags = self.state.flags();
            let concerned = flags.rows_for(snapshot, &edit).ok_or_else(ApiError::rows_not_kept)?;
            let plan = flags.validator().plan(concerned, &edit);
            // All problems at once: those of the body, and those that the other changes would cause.
            let problems = draft.all_problems(plan.problems);
            if !draft.problems.is_empty() {
                return Ok(Attempt::Retry(Rejected::by_caller(ApiError::rejected(problems))));
            }
            let revision = rows.revision.number();
            let plan = PlannedRows { flags: plan.flags, activations: plan.activations };
            return Ok(Attempt::Done(Outcome::Planned(EditPlan {
                written: false,
                revision,
                plan,
                problems,
            })));
        }
        let store = database.store().await.map_err(|error| ApiError::from_store(&error))?;
        let error = match self.state.flags().writer().commit(store, edit).await {
            Ok(revision) => {
                return self.wait_until_seen(revision, draft.into_targets()).await.map(Attempt::Done);
            }
            Err(error) => error,
        };
        if draft.is_overtaken(&error) {
            return Ok(Attempt::Retry(Rejected::overtaken()));
        }
        if let Error::Conflict(conflict) = error {
            return Ok(Attempt::Retry(Rejected::by_caller(self.conflict(rows, &conflict))));
        }
        let is_id_taken = draft.is_id_taken(&error);
        let problems = draft.problems_of_commit(error).map_err(|error| ApiError::from_store(&error))?;
        let error = ApiError::rejected(problems);
        Ok(Attempt::Retry(if is_id_taken { Rejected::id_taken(error) } else { Rejected::by_caller(error) }))
    }

    /// Waits until this server uses the revision.
    async fn wait_until_seen(
        &self,
        revision: Revision,
        targets: Vec<(&'static str, i64)>,
    ) -> Result<Outcome, ApiError> {
        let flags = self.state.flags();
        flags.refresh_to(revision).await.map_err(|error| ApiError::not_seen(revision, &error.to_string()))?;
        Ok(Outcome::Written(Written {
            revision,
            snapshot: flags.snapshot(),
            registry: flags.registry(),
            targets,
        }))
    }

    fn conflict(&self, rows: &Rows, outdated: &Conflict) -> ApiError {
        let Conflict { table, id, expected, found, .. } = *outdated;
        let registry = self.state.flags().registry();
        let theirs =
            RowDetail::find(rows, &registry, table, id).and_then(|row| serde_json::to_value(row).ok());
        let theirs = theirs.unwrap_or_default();
        let name = theirs.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let found = theirs.get("version").and_then(Value::as_i64).or(found);
        let yours = self.body.clone();
        ApiError::conflict(ConflictDetails { table, id, name, expected, found, theirs, yours })
    }
}
