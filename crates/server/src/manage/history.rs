//! `GET /api/history` and `GET /api/diff`: changes of rows, and differences between two revisions.

use std::borrow::Cow;

use axum::extract::State;
use novi::{
    rows::{Revision, Rows},
    store::{
        FieldChange,
        history::{AsOf, Difference, Entity, HistoryQuery, HistoryRecord, differences},
    },
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::{
    app::AppState,
    http::{error::ApiError, reply::Reply},
    manage::{
        error::store,
        request::{moment::Moment, params::Params},
        response::page::{Limit, Page, decode_cursor, encode_cursor, paginate},
    },
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    limit: Option<Limit>,
    /// `next` of the previous page.
    cursor: Option<String>,
    /// Only changes of the flag with this current or former name: of its row, metadata and links, and of the
    /// activations and members that it is or was linked to.
    flag: Option<String>,
    /// Only changes with a higher revision.
    after: Option<i64>,
    /// Only changes of this revision or time, and later ones.
    since: Option<Moment>,
    /// Only changes of this revision or time, and earlier ones. A date is its first moment, in UTC.
    until: Option<Moment>,
    /// Only changes of rows of this table.
    entity: Option<Table>,
    /// Only changes by this actor. Some databases ignore case.
    #[schemars(length(max = 1000))]
    actor: Option<String>,
    /// Only changes with this text in who made them and why, or in the row as JSON, before or after. Case does not
    /// matter; on SQLite, that of ASCII letters.
    #[schemars(length(max = 1000))]
    q: Option<String>,
}

/// A table with a history.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct Table(Entity);

impl TryFrom<String> for Table {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        name.parse().map(Self)
    }
}

impl JsonSchema for Table {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Table".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "enum": Entity::ALL.map(Entity::table)})
    }
}

impl Query {
    /// The query of the store for so many records.
    ///
    /// # Errors
    /// 400 for a text that no record can contain: too long, or with NUL, which databases reject.
    fn wanted(self, limit: u32) -> Result<HistoryQuery, ApiError> {
        const LONGEST: usize = 1000;
        for (name, text) in [("actor", &self.actor), ("q", &self.q)] {
            let is_invalid = |text: &&String| text.contains('\0') || text.chars().count() > LONGEST;
            if text.as_ref().is_some_and(|text| is_invalid(&text)) {
                let message = format!("{name}: expected at most {LONGEST} characters, without NUL");
                return Err(ApiError::invalid_query(&message));
            }
        }
        let mut history = HistoryQuery::default().limit(limit);
        history.after = self.after.map(Revision::new);
        if let Some(Moment(since)) = self.since {
            history = history.since(since);
        }
        if let Some(Moment(until)) = self.until {
            history = history.until(until);
        }
        history.entity = self.entity.map(|Table(entity)| entity);
        (history.flag, history.actor, history.text) = (self.flag, self.actor, self.q);
        Ok(history)
    }
}

/// A change of one row.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ListedChange {
    #[serde(flatten)]
    record: HistoryRecord,
    /// The row: `flags#7 "Combo AND"`.
    subject: String,
    /// The columns that differ.
    fields: Vec<FieldChange>,
}

/// The position after a page: this many records of a revision are on earlier pages.
#[derive(Serialize, Deserialize)]
struct Cursor {
    until: i64,
    given: u32,
}

pub(crate) async fn list(
    State(state): State<AppState>,
    Params(query): Params<Query>,
) -> Result<Reply<Page<ListedChange>>, ApiError> {
    let limit = Limit::or_default(query.limit);
    let cursor: Option<Cursor> = query.cursor.as_deref().map(decode_cursor).transpose()?;
    let skipped = cursor.as_ref().map_or(0, |cursor| cursor.given as usize);
    // One record more than the page decides whether there is a next page.
    let wanted = u32::try_from(limit.saturating_add(skipped).saturating_add(1)).unwrap_or(u32::MAX);
    let mut history = query.wanted(wanted)?;
    if let Some(cursor) = &cursor {
        history.until = Some(Revision::new(cursor.until));
    }
    let mut records = records(&state, &history).await?;
    records.drain(..skipped.min(records.len()));
    let more = records.len() > limit;
    records.truncate(limit);
    let next = records.last().filter(|_| more).map(|last| {
        let of_last = records.iter().filter(|record| record.revision == last.revision).count();
        let same = cursor.filter(|cursor| cursor.until == last.revision.number());
        let given = same.map_or(0, |cursor| cursor.given);
        let given = given.saturating_add(u32::try_from(of_last).unwrap_or(u32::MAX));
        encode_cursor(&Cursor { until: last.revision.number(), given })
    });
    let listed = |record: HistoryRecord| {
        let (subject, fields) = (record.subject(), record.fields());
        ListedChange { record, subject, fields }
    };
    let items = records.into_iter().map(listed).collect();
    Reply::new(&Page { items, next, revision: state.flags().snapshot().revision().number(), total: None })
}

async fn records(state: &AppState, query: &HistoryQuery) -> Result<Vec<HistoryRecord>, ApiError> {
    if let Some(name) = query.flag.as_deref().filter(|name| name.contains('\0')) {
        // No flag has such a name, and PostgreSQL rejects it in a query.
        return Err(ApiError::no_such_flag(name));
    }
    store(state).await?.history(query).await.map_err(|error| ApiError::from_store(&error))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DiffQuery {
    from: Moment,
    /// Default: the current revision.
    to: Option<Moment>,
    limit: Option<Limit>,
    /// `next` of the previous page; send its `to`, too.
    cursor: Option<String>,
}

/// Changes that turn the rows of one revision into those of another.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Differences {
    /// By table and id.
    items: Vec<Difference>,
    next: Option<String>,
    /// The revision of `to`.
    revision: i64,
    /// The revision of `from`.
    from: i64,
    /// The revision of `to`.
    to: i64,
}

pub(crate) async fn diff(
    State(state): State<AppState>,
    Params(query): Params<DiffQuery>,
) -> Result<Reply<Differences>, ApiError> {
    let from = rows_at(&state, query.from.0).await?;
    let to = match query.to {
        Some(Moment(to)) => rows_at(&state, to).await?,
        None => current_rows(&state).await?,
    };
    let (limit, cursor) = (Limit::or_default(query.limit), query.cursor.as_deref());
    let (items, next) = paginate(differences(&from, &to), limit, cursor)?;
    let (from, to) = (from.revision.number(), to.revision.number());
    Reply::new(&Differences { items, next, revision: to, from, to })
}

/// All rows at a revision or time.
pub(crate) async fn rows_at(state: &AppState, moment: AsOf) -> Result<Rows, ApiError> {
    store(state).await?.rows_at(moment).await.map_err(|error| ApiError::from_store(&error))
}

/// All rows in the database.
pub(crate) async fn current_rows(state: &AppState) -> Result<Rows, ApiError> {
    store(state).await?.load().await.map_err(|error| ApiError::from_store(&error))
}
