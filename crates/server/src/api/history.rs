//! `GET /api/history` and `GET /api/diff`: what has changed, by record and between two moments.

use axum::extract::State;
use novi::{
    Revision,
    rows::Rows,
    store::history::{AsOf, Difference, FieldChange, HistoryQuery, HistoryRecord, differences},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    moment::Moment,
    page::{self, Limit, Page, slice},
    params::Params,
};
use crate::{error::ApiError, reply::Answer, state::AppState};

/// Which records are asked for, the newest first.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    limit: Option<Limit>,
    /// `next` of the answer before.
    cursor: Option<String>,
    /// Those of the flag with this name, now or then: of its row, metadata and links, and of the activations, with their members, that
    /// it is linked to or was.
    flag: Option<String>,
    /// Those with a revision above this one.
    after: Option<i64>,
    /// Those with this revision or a lower one.
    until: Option<i64>,
}

/// One change of one row.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Listed {
    #[serde(flatten)]
    record: HistoryRecord,
    /// The row, as people call it: `flags#7 "Combo AND"`.
    subject: String,
    /// The columns that differ.
    fields: Vec<FieldChange>,
}

/// Where a piece ends: so many records of a revision are given already.
#[derive(Serialize, Deserialize)]
struct Mark {
    until: i64,
    given: u32,
}

pub(crate) async fn list(
    State(state): State<AppState>,
    Params(query): Params<Query>,
) -> Result<Answer<Page<Listed>>, ApiError> {
    let limit = Limit::or_default(query.limit);
    let mark: Option<Mark> = query.cursor.as_deref().map(page::read).transpose()?;
    let skipped = mark.as_ref().map_or(0, |mark| mark.given as usize);
    // One more than are given tells whether there are more.
    let wanted = u32::try_from(limit.saturating_add(skipped).saturating_add(1)).unwrap_or(u32::MAX);
    let mut wish = HistoryQuery::default().limit(wanted);
    wish.flag = query.flag;
    wish.after = query.after.map(Revision::new);
    wish.until = mark.as_ref().map(|mark| mark.until).or(query.until).map(Revision::new);
    let mut records = records(&state, &wish).await?;
    records.drain(..skipped.min(records.len()));
    let more = records.len() > limit;
    records.truncate(limit);
    let next = records.last().filter(|_| more).map(|last| {
        let of_last = records.iter().filter(|record| record.revision == last.revision).count();
        let before = mark.filter(|mark| mark.until == last.revision.number()).map_or(0, |mark| mark.given);
        let given = before.saturating_add(u32::try_from(of_last).unwrap_or(u32::MAX));
        page::write(&Mark { until: last.revision.number(), given })
    });
    let listed = |record: HistoryRecord| {
        let (subject, fields) = (record.subject(), record.fields());
        Listed { record, subject, fields }
    };
    let items = records.into_iter().map(listed).collect();
    Answer::of(&Page { items, next, revision: state.flags().snapshot().revision().number() })
}

async fn records(state: &AppState, query: &HistoryQuery) -> Result<Vec<HistoryRecord>, ApiError> {
    if let Some(name) = query.flag.as_deref().filter(|name| name.contains('\0')) {
        // No database has such a name, and PostgreSQL does not even take one to look for.
        return Err(ApiError::no_such_flag(name));
    }
    let database = state.options().database.as_ref().ok_or_else(ApiError::no_database)?;
    let read = async { database.store().await?.history(query).await };
    read.await.map_err(|error| ApiError::of_store(&error))
}

/// Between which moments.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Span {
    from: Moment,
    /// The present if it is not given.
    to: Option<Moment>,
    limit: Option<Limit>,
    /// `next` of the answer before; give the `to` that it had, too.
    cursor: Option<String>,
}

/// What has to change to make the rows of one moment of those of another.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Differences {
    /// By table and id.
    items: Vec<Difference>,
    next: Option<String>,
    /// That of `to`.
    revision: i64,
    /// That of `from`.
    from: i64,
    /// That of `to`.
    to: i64,
}

pub(crate) async fn diff(
    State(state): State<AppState>,
    Params(span): Params<Span>,
) -> Result<Answer<Differences>, ApiError> {
    let from = rows_at(&state, span.from.0).await?;
    let to = match span.to {
        Some(Moment(to)) => rows_at(&state, to).await?,
        None => present(&state).await?,
    };
    let (limit, cursor) = (Limit::or_default(span.limit), span.cursor.as_deref());
    let (items, next) = slice(differences(&from, &to), limit, cursor)?;
    let (from, to) = (from.revision.number(), to.revision.number());
    Answer::of(&Differences { items, next, revision: to, from, to })
}

/// All rows as they were then.
pub(super) async fn rows_at(state: &AppState, moment: AsOf) -> Result<Rows, ApiError> {
    let database = state.options().database.as_ref().ok_or_else(ApiError::no_database)?;
    let read = async { database.store().await?.rows_at(moment).await };
    read.await.map_err(|error| ApiError::of_store(&error))
}

/// All rows as the database has them.
pub(super) async fn present(state: &AppState) -> Result<Rows, ApiError> {
    let database = state.options().database.as_ref().ok_or_else(ApiError::no_database)?;
    let read = async { database.store().await?.load().await };
    read.await.map_err(|error| ApiError::of_store(&error))
}
