//! `/api/flags`: flags with their metadata and links.
//!
//! A flag is addressed by its id, which never changes. `/api/flags/named/{name}` addresses it by name.

use std::{collections::HashSet, sync::Arc};

use axum::extract::State;
use novi::{rows::FlagRow, snapshot::Snapshot};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    app::{
        AppState,
        rows::{flag_not_found, rows},
    },
    http::{error::ApiError, reply::Reply},
    manage::{
        edit::{perform::EditRequest, respond::Removed},
        request::{
            fields::{FlagFields, New, Patch},
            filters::{class_names, contains_text},
            integer::Int,
            json_body::JsonBody,
            operation::{FlagRef, FlagVersion, Link, Operation, Update},
            params::{EditOptions, FlagKey, FlagPath, IfMatch, LinkPath, Params},
        },
        response::{
            page::{Limit, Page, Sort, SortKey, Sortable, sorted_page},
            row::{Changed, Created, Row},
            view::{FlagDetail, RowDetail, flag_detail},
        },
        stale,
    },
};

/// Filters for flags; all must match.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    limit: Option<Limit>,
    /// `next` of the previous page.
    cursor: Option<String>,
    #[serde(default)]
    sort: Sort<FlagRow>,
    /// Only the flag with this name.
    name: Option<String>,
    /// Only flags whose name starts with this text.
    prefix: Option<String>,
    /// Only flags with this tag.
    tag: Option<String>,
    status: Option<bool>,
    /// Only flags with this owner.
    owner: Option<String>,
    /// Only flags that are linked to an activation of this type, by its class name or an alias.
    class_name: Option<String>,
    /// Only flags that an issue breaks, or only others.
    broken: Option<bool>,
    /// Only flags that `GET /api/stale` lists, or only others. Evaluations of the last seconds may not count yet.
    stale: Option<bool>,
    /// Only flags with this text in their name, description, owner or tags, case-insensitive.
    q: Option<String>,
}

impl Sortable for FlagRow {
    const ORDERS: &'static [&'static str] = &["id", "-id", "name", "-name", "updated_at", "-updated_at"];

    fn key(&self, column: &str) -> SortKey<'_> {
        let updated = || self.metadata.updated_at.map_or(i64::MIN, |at| at.timestamp_micros());
        match column {
            "name" => (0, &self.name, self.id),
            "updated_at" => (updated(), "", self.id),
            _ => (0, "", self.id),
        }
    }
}

pub(crate) async fn list(
    State(state): State<AppState>,
    Params(query): Params<Query>,
) -> Result<Reply<Page<FlagDetail<'static>>>, ApiError> {
    let snapshot = state.flags().snapshot();
    let rows = rows(&snapshot)?;
    let unneeded = match query.stale {
        Some(_) => Some(state.noticed().stale(snapshot.revision(), stale::all(&state, &snapshot)).await?),
        None => None,
    };
    let filter = Filter { stale: unneeded, ..Filter::new(&state, &snapshot, &query) };
    let found = rows.flags.iter().enumerate().filter(|(index, row)| filter.matches(*index, row));
    let wanted = (query.limit, query.cursor.as_deref(), &query.sort);
    Reply::new(&sorted_page(found.map(|(_, row)| row), wanted, snapshot.revision(), |row| {
        flag_detail(rows, row)
    })?)
}

/// The filters of a query.
struct Filter<'a> {
    query: &'a Query,
    snapshot: &'a Snapshot,
    /// All names of the class in the query.
    classes: Option<Vec<String>>,
    text: Option<String>,
    /// The names of the flags that issues break; empty if the query does not ask for them.
    broken: HashSet<&'a str>,
    /// The names of the flags that are stale; `None` if the query does not ask for them.
    stale: Option<Arc<HashSet<String>>>,
}

impl<'a> Filter<'a> {
    fn new(state: &AppState, snapshot: &'a Snapshot, query: &'a Query) -> Self {
        let classes = query.class_name.as_deref().map(|class| class_names(state, class));
        let issues = if query.broken.is_some() { snapshot.issues() } else { &[] };
        let broken = issues.iter().filter(|issue| !issue.warning).flat_map(|issue| &issue.flags);
        let broken = broken.map(String::as_str).collect();
        Self {
            query,
            snapshot,
            classes,
            text: query.q.as_deref().map(str::to_lowercase),
            broken,
            stale: None,
        }
    }

    fn matches(&self, index: usize, row: &FlagRow) -> bool {
        let (query, metadata) = (self.query, &row.metadata);
        query.name.as_deref().is_none_or(|name| row.name == name)
            && query.prefix.as_deref().is_none_or(|prefix| row.name.starts_with(prefix))
            && query.tag.as_ref().is_none_or(|tag| metadata.tags.contains(tag))
            && query.status.is_none_or(|status| row.status == status)
            && query.broken.is_none_or(|broken| self.broken.contains(&*row.name) == broken)
            && self.stale.as_ref().is_none_or(|stale| query.stale == Some(stale.contains(&row.name)))
            && query.owner.as_deref().is_none_or(|owner| metadata.owner.as_deref() == Some(owner))
            && self.text.as_deref().is_none_or(|text| {
                let fields = [Some(&row.name), metadata.description.as_ref(), metadata.owner.as_ref()];
                contains_text(fields.into_iter().flatten().chain(&metadata.tags), text)
            })
            && self.classes.as_ref().is_none_or(|classes| {
                self.snapshot.activations_of(index).any(|activation| classes.contains(&activation.class_name))
            })
    }
}

pub(crate) async fn one<P: FlagPath>(
    State(state): State<AppState>,
    path: P,
) -> Result<Row<FlagDetail<'static>>, ApiError> {
    let snapshot = state.flags().snapshot();
    let rows = rows(&snapshot)?;
    let id = match path.key() {
        FlagKey::Id(id) => id,
        FlagKey::Name(name) => {
            let row = snapshot.row_of(&name).and_then(|index| rows.flags.get(index));
            let not_found = || ApiError::flag_not_found(&flag_not_found(&snapshot, rows, &name));
            row.ok_or_else(not_found)?.id
        }
    };
    let row = RowDetail::find(rows, &state.flags().registry(), "flags", id);
    row.ok_or_else(|| ApiError::row_not_found("flags", id))?.into_row(snapshot.revision())
}

pub(crate) async fn create(
    State(state): State<AppState>,
    options: EditOptions,
    mut body: JsonBody<New<FlagFields>>,
) -> Result<Created<FlagDetail<'static>>, ApiError> {
    let operation = Operation::CreateFlag(std::mem::take(&mut body.value));
    EditRequest::single(&state, &options, operation).with_body(&body).created().await
}

pub(crate) async fn update<P: FlagPath>(
    State(state): State<AppState>,
    path: P,
    version: IfMatch,
    options: EditOptions,
    mut body: JsonBody<Patch<FlagFields>>,
) -> Result<Changed<FlagDetail<'static>>, ApiError> {
    let mut set = std::mem::take(&mut body.value);
    set.0.version = version.or(set.0.version)?;
    let operation = Operation::UpdateFlag(Update { row: FlagRef(path.key()), set });
    EditRequest::single(&state, &options, operation).with_body(&body).changed().await
}

pub(crate) async fn delete<P: FlagPath>(
    State(state): State<AppState>,
    path: P,
    IfMatch(version): IfMatch,
    options: EditOptions,
) -> Result<Changed<Removed>, ApiError> {
    let target = FlagVersion { row: FlagRef(path.key()), version: version.map(Int) };
    EditRequest::single(&state, &options, Operation::DeleteFlag(target)).removed().await
}

pub(crate) async fn link(
    State(state): State<AppState>,
    path: LinkPath,
    version: IfMatch,
    options: EditOptions,
) -> Result<Changed<FlagDetail<'static>>, ApiError> {
    let operation = Operation::Link(requested_link(&path, version));
    EditRequest::single(&state, &options, operation).changed().await
}

pub(crate) async fn unlink(
    State(state): State<AppState>,
    path: LinkPath,
    version: IfMatch,
    options: EditOptions,
) -> Result<Changed<FlagDetail<'static>>, ApiError> {
    let operation = Operation::Unlink(requested_link(&path, version));
    EditRequest::single(&state, &options, operation).changed().await
}

fn requested_link(path: &LinkPath, IfMatch(version): IfMatch) -> Link {
    Link {
        flag: FlagRef(FlagKey::Id(path.flag)),
        activation: Int(path.activation),
        version: version.map(Int),
    }
}
