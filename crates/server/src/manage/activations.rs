//! `/api/activations`: activations and their configs.

use std::iter;

use axum::extract::State;
use novi::rows::ActivationRow;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    app::{AppState, rows::rows},
    http::{error::ApiError, reply::Reply},
    manage::{
        edit::{perform::EditRequest, respond::Removed},
        request::{
            fields::{ActivationFields, New, Patch},
            filters::{class_names, contains_text},
            integer::Int,
            json_body::JsonBody,
            operation::{ActivationVersion, Operation, Update},
            params::{EditOptions, Id, IfMatch, Params},
        },
        response::{
            page::{Limit, Page, Sort, SortKey, Sortable, sorted_page},
            row::{Changed, Created, Row},
            view::{ActivationDetail, LinkedFlags, RowDetail, activation_detail},
        },
    },
};

/// Filters for activations; all must match.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    limit: Option<Limit>,
    /// `next` of the previous page.
    cursor: Option<String>,
    #[serde(default)]
    sort: Sort<ActivationRow>,
    /// Only activations with this name.
    name: Option<String>,
    /// Only activations whose name starts with this text.
    prefix: Option<String>,
    /// Only activations of this type, by its class name or an alias.
    class_name: Option<String>,
    /// Only activations that the flag with this id is linked to.
    flag_id: Option<i64>,
    /// Only activations with linked flags, or only those without.
    linked: Option<bool>,
    /// Only activations with this text in their name or config, case-insensitive.
    q: Option<String>,
}

impl Sortable for ActivationRow {
    const ORDERS: &'static [&'static str] = &["id", "-id", "name", "-name"];

    fn key(&self, column: &str) -> SortKey<'_> {
        (0, if column == "name" { &self.name } else { "" }, self.id)
    }
}

pub(crate) async fn list(
    State(state): State<AppState>,
    Params(query): Params<Query>,
) -> Result<Reply<Page<ActivationDetail<'static>>>, ApiError> {
    let snapshot = state.flags().snapshot();
    let rows = rows(&snapshot)?;
    let linked = LinkedFlags::new(rows);
    let classes = query.class_name.as_deref().map(|class| class_names(&state, class));
    let text = query.q.as_deref().map(str::to_lowercase);
    let matches = |row: &&ActivationRow| {
        query.name.as_deref().is_none_or(|name| row.name == name)
            && query.prefix.as_deref().is_none_or(|prefix| row.name.starts_with(prefix))
            && classes.as_ref().is_none_or(|classes| classes.contains(&row.class_name))
            && query.flag_id.is_none_or(|flag| linked.to(row.id).contains(&flag))
            && query.linked.is_none_or(|wanted| linked.to(row.id).is_empty() != wanted)
            && text
                .as_deref()
                .is_none_or(|text| contains_text(iter::once(&row.name).chain(&row.config), text))
    };
    let found = rows.activations.iter().filter(matches);
    let wanted = (query.limit, query.cursor.as_deref(), &query.sort);
    let detail = |row| activation_detail(rows, &linked, row);
    Reply::new(&sorted_page(found, wanted, snapshot.revision(), detail)?)
}

pub(crate) async fn one(
    State(state): State<AppState>,
    Id(id): Id,
) -> Result<Row<ActivationDetail<'static>>, ApiError> {
    let snapshot = state.flags().snapshot();
    let rows = rows(&snapshot)?;
    let row = RowDetail::find(rows, &state.flags().registry(), "activations", id);
    row.ok_or_else(|| ApiError::row_not_found("activations", id))?.into_row(snapshot.revision())
}

pub(crate) async fn create(
    State(state): State<AppState>,
    options: EditOptions,
    mut body: JsonBody<New<ActivationFields>>,
) -> Result<Created<ActivationDetail<'static>>, ApiError> {
    let operation = Operation::CreateActivation(std::mem::take(&mut body.value));
    EditRequest::single(&state, &options, operation).with_body(&body).created().await
}

pub(crate) async fn update(
    State(state): State<AppState>,
    Id(id): Id,
    version: IfMatch,
    options: EditOptions,
    mut body: JsonBody<Patch<ActivationFields>>,
) -> Result<Changed<ActivationDetail<'static>>, ApiError> {
    let mut set = std::mem::take(&mut body.value);
    set.0.version = version.or(set.0.version)?;
    let operation = Operation::UpdateActivation(Update { row: Int(id), set });
    EditRequest::single(&state, &options, operation).with_body(&body).changed().await
}

pub(crate) async fn delete(
    State(state): State<AppState>,
    Id(id): Id,
    IfMatch(version): IfMatch,
    options: EditOptions,
) -> Result<Changed<Removed>, ApiError> {
    let target = ActivationVersion { row: Int(id), version: version.map(Int) };
    EditRequest::single(&state, &options, Operation::DeleteActivation(target)).removed().await
}
