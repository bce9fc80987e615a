//! `/api/activations`: activations and their configs.

use axum::extract::State;
use novi::{
    rows::{ActivationRow, Rows},
    snapshot::Snapshot,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    app::{
        AppState,
        rows::{find_activation, rows},
    },
    http::{error::ApiError, reply::Reply},
    manage::{
        edit::{
            perform::{EditRequest, Outcome},
            removed::{Removed, remove},
        },
        request::{
            class_names::class_names,
            fields::{ActivationFields, New, Patch},
            integer::Int,
            json_body::JsonBody,
            operation::{ActivationVersion, Operation, RequestedChange, Update},
            params::{EditOptions, Id, IfMatch, Params},
        },
        response::{
            page::{Limit, Page, paginate_sorted},
            row::{Changed, Created, Row},
            view::{ActivationDetail, LinkedFlags, activation_detail},
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
    sort: Sort,
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

/// The sort key; descending with a `-` before it.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[schemars(inline)]
enum Sort {
    #[default]
    #[serde(rename = "id")]
    Id,
    #[serde(rename = "-id")]
    IdDescending,
    #[serde(rename = "name")]
    Name,
    #[serde(rename = "-name")]
    NameDescending,
}

impl Sort {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::IdDescending => "-id",
            Self::Name => "name",
            Self::NameDescending => "-name",
        }
    }

    fn key(self, row: &ActivationRow) -> (i64, &str, i64) {
        match self {
            Self::Id | Self::IdDescending => (0, "", row.id),
            Self::Name | Self::NameDescending => (0, &row.name, row.id),
        }
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
            && text.as_deref().is_none_or(|text| contains_text(row, text))
    };
    let found: Vec<_> = rows.activations.iter().filter(matches).collect();
    let (limit, cursor) = (Limit::or_default(query.limit), query.cursor.as_deref());
    let (found, next) =
        paginate_sorted(found, query.sort.as_str(), |row| query.sort.key(row), limit, cursor)?;
    let items: Vec<_> = found.into_iter().map(|row| activation_detail(rows, &linked, row)).collect();
    Reply::new(&Page { items, next, revision: snapshot.revision().number() })
}

fn contains_text(row: &ActivationRow, text: &str) -> bool {
    let fields = [Some(&row.name), row.config.as_ref()];
    fields.into_iter().flatten().any(|field| field.to_lowercase().contains(text))
}

pub(crate) async fn one(
    State(state): State<AppState>,
    Id(id): Id,
) -> Result<Row<ActivationDetail<'static>>, ApiError> {
    let snapshot = state.flags().snapshot();
    let rows = rows(&snapshot)?;
    let row = find_activation(rows, id).ok_or_else(|| ApiError::row_not_found("activations", id))?;
    Row::new(&detail(&snapshot, rows, row), row.row_version)
}

fn detail<'a>(snapshot: &Snapshot, rows: &'a Rows, row: &'a ActivationRow) -> ActivationDetail<'a> {
    activation_detail(rows, &LinkedFlags::new(rows), row).with_revision(snapshot.revision())
}

pub(crate) async fn create(
    State(state): State<AppState>,
    options: EditOptions,
    mut body: JsonBody<New<ActivationFields>>,
) -> Result<Created<ActivationDetail<'static>>, ApiError> {
    let operation = Operation::CreateActivation(std::mem::take(&mut body.value));
    let changes = vec![RequestedChange::single(operation)];
    match EditRequest::new(&state, &options, changes).with_body(&body).perform().await? {
        Outcome::Planned(plan) => Created::planned(&plan),
        Outcome::Written(written) => {
            let (rows, row) = written.activation()?;
            let body = detail(&written.snapshot, rows, row);
            Created::new(&body, row.row_version, &format!("activations/{}", row.id))
        }
    }
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
    let changes = vec![RequestedChange::single(Operation::UpdateActivation(Update { row: Int(id), set }))];
    changed(EditRequest::new(&state, &options, changes).with_body(&body)).await
}

pub(crate) async fn delete(
    State(state): State<AppState>,
    Id(id): Id,
    IfMatch(version): IfMatch,
    options: EditOptions,
) -> Result<Changed<Removed>, ApiError> {
    let target = ActivationVersion { row: Int(id), version: version.map(Int) };
    remove(&state, &options, Operation::DeleteActivation(target)).await
}

/// Performs one change of an activation, without a body.
pub(crate) async fn change_activation(
    state: &AppState,
    options: &EditOptions,
    operation: Operation,
) -> Result<Changed<ActivationDetail<'static>>, ApiError> {
    changed(EditRequest::new(state, options, vec![RequestedChange::single(operation)])).await
}

/// Performs a request for one activation.
pub(crate) async fn changed(
    request: EditRequest<'_>,
) -> Result<Changed<ActivationDetail<'static>>, ApiError> {
    match request.perform().await? {
        Outcome::Planned(plan) => Changed::planned(&plan),
        Outcome::Written(written) => {
            let (rows, row) = written.activation()?;
            Changed::row(&detail(&written.snapshot, rows, row), row.row_version)
        }
    }
}
