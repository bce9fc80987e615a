//! `GET /api/stale`: flags that can be removed.

use axum::extract::State;
use chrono::{DateTime, Utc};
use novi::{
    snapshot::Snapshot,
    store::{StaleFlag, UsageReport, stale},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    app::{AppState, rows::rows},
    http::{error::ApiError, reply::Reply},
    manage::{
        error::store,
        request::params::Params,
        response::page::{Limit, paginate},
    },
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    limit: Option<Limit>,
    /// `next` of the previous page.
    cursor: Option<String>,
    /// A flag is stale if it was not evaluated, or had only one decision, for this many days; default: 30.
    #[schemars(range(max = 36500))]
    days: Option<Days>,
}

/// After how many days a flag is stale, if a request does not say it.
pub(crate) const STALE_DAYS: u32 = 30;

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
    /// By id. A flag that is stale for two reasons is listed twice.
    items: Vec<StaleFlag>,
    next: Option<String>,
    revision: i64,
    days: u32,
    /// Since when evaluations have been recorded. Flags are only reported as not evaluated if this is more
    /// than `days` ago.
    #[schemars(with = "Option<String>")]
    recorded_since: Option<DateTime<Utc>>,
}

pub(crate) async fn list(
    State(state): State<AppState>,
    Params(query): Params<Query>,
) -> Result<Reply<Stale>, ApiError> {
    let days = query.days.map_or(STALE_DAYS, |days| days.0);
    let usage = usage(&state).await?;
    let snapshot = state.flags().snapshot();
    let found = stale(&rows(&snapshot)?.flags, &usage, days);
    let (items, next) = paginate(found, Limit::or_default(query.limit), query.cursor.as_deref())?;
    let revision = snapshot.revision().number();
    Reply::new(&Stale { items, next, revision, days, recorded_since: usage.since })
}

/// The flags of a snapshot that are stale after 30 days.
pub(crate) async fn all(state: &AppState, snapshot: &Snapshot) -> Result<Vec<StaleFlag>, ApiError> {
    let usage = usage(state).await?;
    Ok(stale(&rows(snapshot)?.flags, &usage, STALE_DAYS))
}

async fn usage(state: &AppState) -> Result<UsageReport, ApiError> {
    match store(state).await?.usage_store() {
        Some(store) => store.usage().await.map_err(|error| ApiError::from_store(&error)),
        None => Ok(UsageReport::default()),
    }
}
