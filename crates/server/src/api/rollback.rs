//! `POST /api/rollback`: the way back to the rows of a past moment, of all of them or of one flag.

use axum::extract::State;
use novi::{
    Error,
    store::{
        Edit,
        history::{AsOf, Difference, differences},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    history::{present, rows_at},
    moment::Moment,
    params::Writing,
    problem::{Problem, Wrong},
    sent::Sent,
};
use crate::{error::ApiError, reply::Answer, state::AppState};

/// Where to go back to.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct Rollback {
    to: Moment,
    /// The name of the flag that goes back, with the activations that it reaches; all rows if it is not given.
    flag: Option<String>,
}

/// What went back, or would.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RolledBack {
    /// The revision whose rows they are.
    to: i64,
    /// The first revision that has them; null where nothing is written.
    revision: Option<i64>,
    /// Whether anything is written: nothing is by a dry run, and where the rows are so already.
    written: bool,
    /// What changes, by table and id.
    differences: Vec<Difference>,
}

pub(crate) async fn rollback(
    State(state): State<AppState>,
    writing: Writing,
    sent: Sent<Rollback>,
) -> Result<Answer<RolledBack>, ApiError> {
    /// How often the way is looked for anew since others have changed the rows on it.
    const MOST_TIMES: u32 = 5;
    let Rollback { to: Moment(to), flag } = sent.whole()?;
    let past = rows_at(&state, to).await?;
    let mut times = 0;
    loop {
        let present = present(&state).await?;
        let way =
            state.flags().way_back(&present, &past, flag.as_deref()).map_err(|error| refused(&error))?;
        let found = differences(&present, &way.after);
        let mut revision = None;
        if !writing.dry_run && !way.changes.is_empty() {
            let mut edit = way.edit();
            edit.actor.clone_from(&writing.actor);
            edit.reason = Some(writing.reason.clone().unwrap_or_else(|| match to {
                AsOf::Revision(_) => format!("rollback to revision {}", past.revision),
                time @ AsOf::Time(_) => format!("rollback to {time}, revision {}", past.revision),
            }));
            revision = match write(&state, edit).await? {
                Some(revision) => Some(revision),
                None if times < MOST_TIMES => {
                    times += 1;
                    continue;
                }
                None => {
                    let problem = Problem::at("", "the rows change all the time; try again");
                    return Err(ApiError::refused(vec![problem.wrong(Wrong::Refused)]));
                }
            };
        }
        let to = past.revision.number();
        return Answer::of(&RolledBack { to, revision, written: revision.is_some(), differences: found });
    }
}

fn refused(error: &Error) -> ApiError {
    match error {
        Error::Invalid(issues) => {
            let problem = |issue: &novi::Issue| Problem::of_issue(issue, None, &Value::Null);
            ApiError::invalid(issues.iter().map(problem).collect())
        }
        error => ApiError::of_store(error),
    }
}

/// The revision that has the edit; nothing if the rows are others by now.
async fn write(state: &AppState, edit: Edit) -> Result<Option<i64>, ApiError> {
    let database = state.options().database.as_ref().ok_or_else(ApiError::no_database)?;
    let commit = async { database.store().await?.commit(edit).await };
    let revision = match commit.await {
        Ok(revision) => revision,
        Err(Error::Conflict(_)) => return Ok(None),
        Err(error) => return Err(ApiError::of_store(&error)),
    };
    let seen = state.flags().refresh_to(revision).await;
    seen.map_err(|error| ApiError::not_seen(revision, &error.to_string()))?;
    Ok(Some(revision.number()))
}
