//! Making a change: worked out by the rows as they are known, written if they still are so, told when they are seen.

use std::time::Duration;

use novi::{
    Error, Guard, Plan, PlannedRow, Revision, Snapshot,
    rows::{ActivationRow, FlagRow, Rows},
    store::Edit,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use tokio::time::sleep;

use super::{
    draft::{Draft, Outdated, find_activation, find_flag},
    operation::Asked,
    params::Writing,
    problem::{Problem, Wrong},
    view,
};
use crate::{
    error::{ApiError, ConflictTold},
    state::AppState,
    view::rows,
};

/// What became of a change.
pub(crate) enum Outcome {
    /// It is written.
    Written(Written),
    /// It was only asked what it would do.
    Planned(Planned),
}

/// A change that is written, and that this server answers by.
pub(crate) struct Written {
    pub(crate) revision: Revision,
    pub(crate) snapshot: Guard,
    /// The table and id of the row that each change is about.
    pub(crate) targets: Vec<(&'static str, i64)>,
}

impl Written {
    /// The flag that the first change is about.
    pub(crate) fn flag(&self) -> Result<(&Rows, &FlagRow), ApiError> {
        let rows = rows(&self.snapshot)?;
        let found = self.targets.first().and_then(|(_, id)| find_flag(rows, *id));
        Ok((rows, found.ok_or_else(|| self.gone())?))
    }

    /// The activation that the first change is about.
    pub(crate) fn activation(&self) -> Result<(&Rows, &ActivationRow), ApiError> {
        let rows = rows(&self.snapshot)?;
        let found = self.targets.first().and_then(|(_, id)| find_activation(rows, *id));
        Ok((rows, found.ok_or_else(|| self.gone())?))
    }

    /// Somebody else has removed the row since then, or the flags do not follow the database.
    fn gone(&self) -> ApiError {
        ApiError::not_seen(self.revision, "the row that was written is not among those of the flags")
    }
}

/// What a change would do.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Plan")]
pub(crate) struct Planned {
    /// Always false.
    pub(crate) written: bool,
    /// The revision of the rows that it was worked out by.
    pub(crate) revision: i64,
    pub(crate) plan: PlannedRows,
    /// Why it would be refused, if it would.
    pub(crate) problems: Vec<Problem>,
}

/// The rows that would change.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PlannedRows {
    /// The flags that change, and those whose answers may, in the order of their ids.
    pub(crate) flags: Vec<PlannedRow>,
    /// The activations that change, in the order of their ids.
    pub(crate) activations: Vec<PlannedRow>,
}

/// A change that is asked for.
pub(crate) struct Wish<'a> {
    pub(crate) state: &'a AppState,
    pub(crate) writing: &'a Writing,
    pub(crate) asked: &'a [Asked],
    /// The body that was sent.
    pub(crate) sent: &'a Value,
    /// What is wrong with the body by itself.
    pub(crate) wrong: &'a [Problem],
}

/// How often a change is worked out anew since others changed the same rows meanwhile.
const MOST_TIMES: u32 = 10;

/// What an attempt came to.
enum Attempt {
    Done(Outcome),
    /// The rows are others by now, or may be: see, and try again; else this is the answer.
    Again(ApiError),
}

impl Wish<'_> {
    pub(crate) async fn perform(&self) -> Result<Outcome, ApiError> {
        let database = self.state.options().database.as_ref().ok_or_else(ApiError::no_database)?;
        let mut times = 0;
        loop {
            let known = self.state.flags().snapshot();
            let refused = match self.attempt(database, &known).await? {
                Attempt::Done(outcome) => return Ok(outcome),
                Attempt::Again(refused) => refused,
            };
            times += 1;
            if times > MOST_TIMES {
                return Err(refused);
            }
            let Ok(is_new) = self.state.flags().refresh().await else { return Err(refused) };
            let present = self.state.flags().snapshot().revision();
            if !is_new && present == known.revision() {
                if refused.status != axum::http::StatusCode::CONFLICT || times > 1 {
                    return Err(refused);
                }
                // A revision may be seen a moment after its rows.
                sleep(Duration::from_millis(10)).await;
            }
        }
    }

    async fn attempt(&self, database: &crate::Database, known: &Snapshot) -> Result<Attempt, ApiError> {
        let known_rows = rows(known)?;
        let mut draft = Draft::new(known, known_rows);
        draft.problems.extend_from_slice(self.wrong);
        for asked in self.asked {
            draft.add(asked);
        }
        if let Some(outdated) = draft.outdated.first() {
            return Ok(Attempt::Again(self.conflict(known_rows, outdated)));
        }
        let edit = self.edit(&draft);
        if !draft.problems.is_empty() {
            // Beside what the changes can not even be made of.
            let more = self.plan_of(&edit, known_rows).problems;
            return Ok(Attempt::Again(self.refusal(with_more(&draft, more, self.sent))));
        }
        if self.writing.dry_run {
            return Ok(Attempt::Done(self.plan(&draft, &edit, known_rows)));
        }
        let store = database.store().await.map_err(|error| ApiError::of_store(&error))?;
        match self.state.flags().writer().commit(store, edit.clone()).await {
            Ok(revision) => self.seen(revision, draft.targets).await.map(Attempt::Done),
            Err(error) => self.failed(error, &draft, &edit, known_rows).map(Attempt::Again),
        }
    }

    /// How a change is refused that was not written, unless the database failed.
    fn failed(
        &self,
        error: Error,
        draft: &Draft<'_>,
        edit: &Edit,
        known_rows: &Rows,
    ) -> Result<ApiError, ApiError> {
        let mut problems = match error {
            Error::Conflict(conflict) => {
                let (table, id) = (conflict.table, conflict.id);
                let (expected, found) = (conflict.expected, conflict.found.unwrap_or_default());
                return Ok(self.conflict(known_rows, &Outdated { table, id, expected, found }));
            }
            Error::Invalid(issues) => with_more(draft, issues, self.sent),
            Error::Constraint(_) | Error::FlagNotFound { .. } => {
                let mut problems = with_more(draft, self.plan_of(edit, known_rows).problems, self.sent);
                of_the_tables(&mut problems);
                problems
            }
            error => return Err(ApiError::of_store(&error)),
        };
        if problems.is_empty() {
            // By the rows as they are known there is nothing against it, so that they are others by now.
            problems
                .push(Problem::at("", "the rows have changed meanwhile; try again").wrong(Wrong::Refused));
        }
        Ok(self.refusal(problems))
    }

    fn edit(&self, draft: &Draft<'_>) -> Edit {
        let mut edit = Edit::new(draft.changes.iter().cloned());
        (edit.actor, edit.reason) = (self.writing.actor.clone(), self.writing.reason.clone());
        draft.versions.iter().fold(edit, |edit, (row, version)| edit.expect(row.clone(), *version))
    }

    fn plan(&self, draft: &Draft<'_>, edit: &Edit, known_rows: &Rows) -> Outcome {
        let plan = self.plan_of(edit, known_rows);
        Outcome::Planned(Planned {
            written: false,
            revision: known_rows.revision.number(),
            plan: PlannedRows { flags: plan.flags, activations: plan.activations },
            problems: with_more(draft, plan.problems, self.sent),
        })
    }

    fn plan_of(&self, edit: &Edit, known_rows: &Rows) -> Plan {
        self.state.flags().validator().plan(known_rows.clone(), edit)
    }

    /// Waits until this server answers by what is written.
    async fn seen(&self, revision: Revision, targets: Vec<(&'static str, i64)>) -> Result<Outcome, ApiError> {
        let flags = self.state.flags();
        flags.refresh_to(revision).await.map_err(|error| ApiError::not_seen(revision, &error.to_string()))?;
        Ok(Outcome::Written(Written { revision, snapshot: flags.snapshot(), targets }))
    }

    /// Whether the change is the only one, of a row that the path names.
    fn is_alone(&self) -> bool {
        matches!(self.asked, [Asked { row_at: None, .. }])
    }

    fn refusal(&self, problems: Vec<Problem>) -> ApiError {
        if self.is_alone()
            && let Some(missing) = problems.iter().find(|problem| matches!(problem.wrong, Wrong::Missing(_)))
        {
            return ApiError::missing(missing);
        }
        let is_wrong = |problem: &Problem| matches!(problem.wrong, Wrong::Invalid | Wrong::Missing(_));
        if problems.iter().any(is_wrong) { ApiError::invalid(problems) } else { ApiError::refused(problems) }
    }

    fn conflict(&self, known_rows: &Rows, outdated: &Outdated) -> ApiError {
        let Outdated { table, id, expected, found } = *outdated;
        let theirs = view::json_of(known_rows, table, id);
        let name = theirs.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        ApiError::conflict(ConflictTold {
            table,
            id,
            name,
            expected,
            found: theirs.get("version").and_then(Value::as_i64).or(Some(found).filter(|found| *found > 0)),
            theirs,
            yours: self.sent.clone(),
        })
    }
}

/// What is wrong with a draft, and what would be wrong with its rows.
fn with_more(draft: &Draft<'_>, issues: Vec<novi::Issue>, sent: &Value) -> Vec<Problem> {
    let mut problems = draft.problems.clone();
    for issue in issues {
        let table = match issue.table {
            "flag_metadata" | "flags_activations" => "flags",
            "activation_members" => "activations",
            table => table,
        };
        let is_of = |(of, id, _): &&(&str, i64, String)| *of == table && Some(*id) == issue.id;
        let base = draft.places.iter().rev().find(is_of).map(|(_, _, base)| base.as_str());
        let problem = Problem::of_issue(&issue, base, sent);
        let is_told = |known: &Problem| known.pointer == problem.pointer && known.id == problem.id;
        if !draft.problems.iter().any(is_told) {
            problems.push(problem);
        }
    }
    problems
}

/// Refusals that name no column tell of rows that are there or are not, and not of what was sent.
fn of_the_tables(problems: &mut [Problem]) {
    for problem in problems {
        if problem.pointer.is_empty() || problem.pointer.ends_with("/id") {
            problem.wrong = Wrong::Refused;
        }
    }
}
