//! `GET /api/evaluations` and `GET /api/flags/{id}/evaluations`: how often flags were evaluated, by hour.

use axum::extract::State;
use chrono::{DateTime, Utc};
use novi::{
    rows::FlagRow,
    store::{FlagEvaluations, StaleFlag, stale},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    app::{AppState, rows::rows},
    http::{error::ApiError, reply::Reply},
    manage::{
        error::store,
        request::params::{Id, Params},
        stale::STALE_DAYS,
    },
};

/// The most flags of a request.
const MOST_IDS: usize = 100;

/// A number of hours.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(try_from = "u32")]
#[schemars(inline)]
struct Hours(#[schemars(range(min = 1, max = 744))] u32);

impl TryFrom<u32> for Hours {
    type Error = String;

    fn try_from(hours: u32) -> Result<Self, String> {
        let most = FlagEvaluations::MOST_HOURS;
        if (1..=most).contains(&hours) {
            return Ok(Self(hours));
        }
        Err(format!("expected a number of hours from 1 to {most}, found {hours}"))
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    /// How many hours; the last one is the current hour. Default: 24.
    hours: Option<Hours>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// The ids of flags, separated by commas: at most 100. Unknown ones are left out.
    ids: Ids,
    /// How many hours; the last one is the current hour. Default: 24.
    hours: Option<Hours>,
}

/// Ids of flags.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(inline)]
struct Ids(#[schemars(with = "String", regex(pattern = r"^[0-9]{1,18}(,[0-9]{1,18}){0,99}$"))] Vec<i64>);

impl TryFrom<String> for Ids {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let ids: Result<Vec<i64>, _> = text.split(',').take(MOST_IDS + 1).map(str::parse).collect();
        match ids {
            Ok(ids) if ids.len() <= MOST_IDS => Ok(Self(ids)),
            Ok(_) => Err(format!("expected at most {MOST_IDS} ids")),
            Err(_) => Err("expected ids of flags, separated by commas, such as 1,2,3".to_owned()),
        }
    }
}

/// The evaluations of flags, as all processes record them.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Evaluations")]
pub(crate) struct Counted<T> {
    /// The start of the first hour.
    #[schemars(with = "String")]
    first_hour: DateTime<Utc>,
    #[serde(flatten)]
    counts: T,
}

/// The evaluations of a flag.
#[derive(Serialize, JsonSchema)]
pub(crate) struct FlagCounts {
    /// The flag's id.
    id: i64,
    #[serde(flatten)]
    evaluations: FlagEvaluations,
    /// Why the flag is stale, after 30 days.
    stale: Vec<StaleFlag>,
}

/// The evaluations of some flags.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AllCounts {
    /// In the order of the ids in the query.
    items: Vec<FlagCounts>,
}

pub(crate) async fn one(
    State(state): State<AppState>,
    Id(id): Id,
    Params(query): Params<Query>,
) -> Result<Reply<Counted<FlagCounts>>, ApiError> {
    let (first_hour, items) = read(&state, &[id], query.hours).await?;
    let counts = items.into_iter().next().ok_or_else(|| ApiError::row_not_found("flags", id))?;
    Reply::new(&Counted { first_hour, counts })
}

pub(crate) async fn list(
    State(state): State<AppState>,
    Params(query): Params<ListQuery>,
) -> Result<Reply<Counted<AllCounts>>, ApiError> {
    let (first_hour, items) = read(&state, &query.ids.0, query.hours).await?;
    Reply::new(&Counted { first_hour, counts: AllCounts { items } })
}

async fn read(
    state: &AppState,
    ids: &[i64],
    hours: Option<Hours>,
) -> Result<(DateTime<Utc>, Vec<FlagCounts>), ApiError> {
    let (now, hours) = (Utc::now(), hours.map_or(24, |hours| hours.0));
    let snapshot = state.flags().snapshot();
    let rows = rows(&snapshot)?;
    let find = |id: &i64| rows.flags.binary_search_by_key(id, |row| row.id).ok();
    let flags: Vec<FlagRow> =
        ids.iter().filter_map(find).filter_map(|index| rows.flags.get(index).cloned()).collect();
    let names: Vec<String> = flags.iter().map(|row| row.name.clone()).collect();
    let (counted, unneeded) = match store(state).await?.usage_store() {
        Some(store) => {
            let read = FlagEvaluations::read(store, &names, hours, now).await;
            let (counted, usage) = read.map_err(|error| ApiError::from_store(&error))?;
            (counted, stale(&flags, &usage, STALE_DAYS))
        }
        None => (Vec::new(), Vec::new()),
    };
    let counts = flags.iter().zip(counted).map(|(row, evaluations)| {
        let of_flag = unneeded.iter().filter(|found| found.flag == row.name).cloned();
        FlagCounts { id: row.id, evaluations, stale: of_flag.collect() }
    });
    Ok((FlagEvaluations::first_hour(now, hours), counts.collect()))
}
