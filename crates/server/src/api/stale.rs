//! `GET /api/stale`: flags that nobody needs any more.

use axum::extract::State;
use chrono::{DateTime, Utc};
use novi::store::{StaleFlag, UsageReport, stale};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    page::{Limit, slice},
    params::Params,
};
use crate::{error::ApiError, reply::Answer, state::AppState, view::rows};

/// What counts as long ago.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    limit: Option<Limit>,
    /// `next` of the answer before.
    cursor: Option<String>,
    /// For how many days a flag was not evaluated, or gave the same answer: 30 if it is not given.
    #[schemars(range(max = 36500))]
    days: Option<Days>,
}

/// A number of days.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(try_from = "u32")]
#[schemars(inline)]
struct Days(u32);

impl TryFrom<u32> for Days {
    type Error = String;

    fn try_from(days: u32) -> Result<Self, String> {
        if days <= 36500 { Ok(Self(days)) } else { Err(format!("expected at most 36500 days, found {days}")) }
    }
}

/// Stale flags.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Stale {
    /// In the order of their ids; one may be there twice.
    items: Vec<StaleFlag>,
    next: Option<String>,
    revision: i64,
    days: u32,
    /// Since when evaluations are known; of flags that were not evaluated nothing is said where that is not long ago.
    #[schemars(with = "Option<String>")]
    recorded_since: Option<DateTime<Utc>>,
}

pub(crate) async fn list(
    State(state): State<AppState>,
    Params(query): Params<Query>,
) -> Result<Answer<Stale>, ApiError> {
    let days = query.days.map_or(30, |days| days.0);
    let usage = usage(&state).await?;
    let snapshot = state.flags().snapshot();
    let found = stale(&rows(&snapshot)?.flags, &usage, days);
    let (items, next) = slice(found, Limit::or_default(query.limit), query.cursor.as_deref())?;
    let revision = snapshot.revision().number();
    Answer::of(&Stale { items, next, revision, days, recorded_since: usage.since })
}

async fn usage(state: &AppState) -> Result<UsageReport, ApiError> {
    let database = state.options().database.as_ref().ok_or_else(ApiError::no_database)?;
    let read = async {
        match database.store().await?.usage_store() {
            Some(store) => store.usage().await,
            None => Ok(UsageReport::default()),
        }
    };
    read.await.map_err(|error| ApiError::of_store(&error))
}
