//! `GET /api/timeline`: what the time will do to flags.

use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use novi::snapshot::FlagTimeline;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    app::{AppState, rows::rows},
    http::{error::ApiError, reply::Reply},
    manage::{
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
    /// How many days from now. Default: 30.
    days: Option<Days>,
}

/// A number of days.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(try_from = "u32")]
#[schemars(inline)]
struct Days(#[schemars(range(min = 1, max = 366))] u32);

impl TryFrom<u32> for Days {
    type Error = String;

    fn try_from(days: u32) -> Result<Self, String> {
        if (1..=366).contains(&days) {
            return Ok(Self(days));
        }
        Err(format!("expected a number of days from 1 to 366, found {days}"))
    }
}

/// The flags that the time affects in a period.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Timeline {
    /// By the time of their first change.
    items: Vec<Item>,
    next: Option<String>,
    revision: i64,
    /// The start of the period: now.
    #[schemars(with = "String")]
    from: DateTime<Utc>,
    /// The end of the period.
    #[schemars(with = "String")]
    to: DateTime<Utc>,
}

/// A flag that the time affects.
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(rename = "TimelineItem")]
struct Item {
    /// The flag's id; null if it exists only as an override.
    id: Option<i64>,
    #[serde(flatten)]
    flag: FlagTimeline,
}

pub(crate) async fn list(
    State(state): State<AppState>,
    Params(query): Params<Query>,
) -> Result<Reply<Timeline>, ApiError> {
    let from = Utc::now();
    let to = from + TimeDelta::days(query.days.map_or(30, |days| days.0).into());
    let snapshot = state.flags().snapshot();
    let rows = rows(&snapshot)?;
    let id = |flag: &str| Some(rows.flags.get(snapshot.row_of(flag)?)?.id);
    let item = |flag: FlagTimeline| Item { id: id(&flag.flag), flag };
    let found = snapshot.timeline(from, to).into_iter().map(item).collect();
    let (items, next) = paginate(found, Limit::or_default(query.limit), query.cursor.as_deref())?;
    Reply::new(&Timeline { items, next, revision: snapshot.revision().number(), from, to })
}
