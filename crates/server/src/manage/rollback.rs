//! `POST /api/rollback`: rolls all rows, or one flag, back to an earlier revision.

use std::time::Duration;

use axum::extract::State;
use novi::{
    Error,
    activation::Words,
    flags::RollbackPlan,
    rows::{Issue, Rows},
    store::{
        Edit,
        history::{AsOf, Difference, differences},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::sleep;

use crate::{
    app::AppState,
    http::{error::ApiError, problem::Problem, reply::Reply},
    manage::{
        error::store,
        history::{current_rows, rows_at},
        request::{json_body::JsonBody, moment::Moment, params::EditOptions},
    },
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct Rollback {
    to: Moment,
    /// The name of the flag to roll back, with the activations that it depends on; default: all rows.
    flag: Option<String>,
}

/// The result of a rollback.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RolledBack {
    /// The revision that was rolled back to.
    to: i64,
    /// The first revision after the rollback; null if nothing was written.
    revision: Option<i64>,
    /// Whether anything was written: not in a dry run, and not if the rows are the same already.
    written: bool,
    /// The changes, by table and id.
    differences: Vec<Difference>,
    /// When the flag is on, in words; null if all rows are rolled back.
    rule: Option<RuleChange>,
}

/// When a flag is on before and after a change, in words.
#[derive(Serialize, JsonSchema)]
struct RuleChange {
    /// Null if the flag does not exist.
    before: Option<String>,
    /// Null if the flag does not exist.
    after: Option<String>,
}

/// When the flag with this name is on.
fn rule(state: &AppState, rows: &Rows, name: &str) -> Option<String> {
    let row = rows.flags.iter().find(|row| row.name == name)?;
    let rule = || Words::new(&state.flags().registry(), rows).rule(row.id);
    Some(if row.status { rule() } else { "off for every caller".to_owned() })
}

impl Rollback {
    /// The edit that rolls back, from the rows in the database.
    pub(crate) async fn edit(&self, state: &AppState) -> Result<Edit, ApiError> {
        let past = rows_at(state, self.to.0).await?;
        let current = current_rows(state).await?;
        Ok(plan(state, &current, &past, self.flag.as_deref())?.edit())
    }
}

fn plan(state: &AppState, current: &Rows, past: &Rows, flag: Option<&str>) -> Result<RollbackPlan, ApiError> {
    state.flags().plan_rollback(current, past, flag).map_err(|error| plan_error(&error))
}

pub(crate) async fn rollback(
    State(state): State<AppState>,
    options: EditOptions,
    body: JsonBody<Rollback>,
) -> Result<Reply<RolledBack>, ApiError> {
    /// Others keep changing the same rows; the timeout of the request is the only limit, as of other edits.
    const PAUSE: Duration = Duration::from_millis(10);
    let Rollback { to: Moment(to), flag } = body.valid()?;
    let past = rows_at(&state, to).await?;
    loop {
        let current = current_rows(&state).await?;
        let plan = plan(&state, &current, &past, flag.as_deref())?;
        let found = differences(&current, &plan.after);
        let mut revision = None;
        if !options.dry_run && !plan.changes.is_empty() {
            let mut edit = plan.edit();
            edit.actor.clone_from(&options.actor);
            edit.reason = Some(options.reason.clone().unwrap_or_else(|| match to {
                AsOf::Revision(_) => format!("rollback to revision {}", past.revision),
                time @ AsOf::Time(_) => format!("rollback to {time}, revision {}", past.revision),
            }));
            let Some(written) = commit(&state, edit).await? else {
                sleep(PAUSE).await;
                continue;
            };
            revision = Some(written);
        }
        let to = past.revision.number();
        let rule = flag.as_deref().map(|name| RuleChange {
            before: rule(&state, &current, name),
            after: rule(&state, &plan.after, name),
        });
        let written = revision.is_some();
        return Reply::new(&RolledBack { to, revision, written, differences: found, rule });
    }
}

fn plan_error(error: &Error) -> ApiError {
    match error {
        Error::Invalid(issues) => {
            let problem = |issue: &Issue| Problem::from_issue(issue, None, &Value::Null);
            ApiError::invalid(issues.iter().map(problem).collect())
        }
        error => ApiError::from_store(error),
    }
}

/// Commits the edit. Returns its revision, or `None` if rows have changed in the meantime.
async fn commit(state: &AppState, edit: Edit) -> Result<Option<i64>, ApiError> {
    let revision = match store(state).await?.commit(edit).await {
        Ok(revision) => revision,
        Err(Error::Conflict(_)) => return Ok(None),
        Err(error) => return Err(ApiError::from_store(&error)),
    };
    let refreshed = state.flags().refresh_to(revision).await;
    refreshed.map_err(|error| ApiError::not_seen(revision, &error.to_string()))?;
    Ok(Some(revision.number()))
}
