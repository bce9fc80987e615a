//! `/api/activations`: activations and their configs.

use axum::extract::State;
use novi::{
    Snapshot,
    rows::{ActivationRow, Rows},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{
    draft::find_activation,
    fields::{ActivationFields, New, Patch},
    flags::{Removed, class_names, removed},
    operation::{ActivationVersion, Asked, Operation, Update},
    page::{Limit, Page, cut},
    params::{Id, IfMatch, Params, Writing},
    perform::{Outcome, Wish},
    problem::Problem,
    row::{Changed, Created, Row},
    sent::Sent,
    view::{self, ActivationDetail, LinkedFlags},
    whole::Whole,
};
use crate::{error::ApiError, reply::Answer, state::AppState, view::rows};

/// Which activations are asked for; those to which all of it applies.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    limit: Option<Limit>,
    /// `next` of the answer before.
    cursor: Option<String>,
    #[serde(default)]
    sort: Sort,
    /// Those with this name.
    name: Option<String>,
    /// Those whose name begins so.
    prefix: Option<String>,
    /// Those of this type, by its class name or an alias.
    class_name: Option<String>,
    /// Those that the flag with this id is linked to.
    flag_id: Option<i64>,
    /// Those that flags are linked to, or that none is.
    linked: Option<bool>,
    /// Those that have this text in their name or config, in upper or lower case.
    q: Option<String>,
}

/// The order: ascending, or with a minus descending.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[schemars(inline)]
enum Sort {
    #[default]
    #[serde(rename = "id")]
    Id,
    #[serde(rename = "-id")]
    IdDown,
    #[serde(rename = "name")]
    Name,
    #[serde(rename = "-name")]
    NameDown,
}

impl Sort {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::IdDown => "-id",
            Self::Name => "name",
            Self::NameDown => "-name",
        }
    }
}

pub(crate) async fn list(
    State(state): State<AppState>,
    Params(query): Params<Query>,
) -> Result<Answer<Page<ActivationDetail<'static>>>, ApiError> {
    let snapshot = state.flags().snapshot();
    let rows = rows(&snapshot)?;
    let linked = LinkedFlags::of(rows);
    let classes = query.class_name.as_deref().map(|class| class_names(&state, class));
    let text = query.q.as_deref().map(str::to_lowercase);
    let has = |row: &&ActivationRow| {
        query.name.as_deref().is_none_or(|name| row.name == name)
            && query.prefix.as_deref().is_none_or(|prefix| row.name.starts_with(prefix))
            && classes.as_ref().is_none_or(|classes| classes.contains(&row.class_name))
            && query.flag_id.is_none_or(|flag| linked.to(row.id).contains(&flag))
            && query.linked.is_none_or(|wanted| linked.to(row.id).is_empty() != wanted)
            && text.as_deref().is_none_or(|text| has_text(row, text))
    };
    let found: Vec<_> = rows.activations.iter().filter(has).collect();
    let (limit, cursor) = (Limit::or_default(query.limit), query.cursor.as_deref());
    let (found, next) = cut(found, query.sort.as_str(), |row| place(row, query.sort), limit, cursor)?;
    let items: Vec<_> = found.into_iter().map(|row| view::activation(rows, &linked, row)).collect();
    Answer::of(&Page { items, next, revision: snapshot.revision().number() })
}

fn place(row: &ActivationRow, sort: Sort) -> (i64, &str, i64) {
    match sort {
        Sort::Id | Sort::IdDown => (0, "", row.id),
        Sort::Name | Sort::NameDown => (0, &row.name, row.id),
    }
}

fn has_text(row: &ActivationRow, text: &str) -> bool {
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
    Row::of(&of_revision(&snapshot, rows, row), row.row_version)
}

fn of_revision<'a>(snapshot: &Snapshot, rows: &'a Rows, row: &'a ActivationRow) -> ActivationDetail<'a> {
    view::activation(rows, &LinkedFlags::of(rows), row).of_revision(snapshot.revision())
}

pub(crate) async fn create(
    State(state): State<AppState>,
    writing: Writing,
    sent: Sent<New<ActivationFields>>,
) -> Result<Created<ActivationDetail<'static>>, ApiError> {
    let asked = [Asked::alone(Operation::CreateActivation(sent.body))];
    let wish =
        Wish { state: &state, writing: &writing, asked: &asked, sent: &sent.json, wrong: &sent.problems };
    match wish.perform().await? {
        Outcome::Planned(plan) => Created::planned(&plan),
        Outcome::Written(written) => {
            let (rows, row) = written.activation()?;
            let body = of_revision(&written.snapshot, rows, row);
            Created::of(&body, row.row_version, &format!("activations/{}", row.id))
        }
    }
}

pub(crate) async fn update(
    State(state): State<AppState>,
    Id(id): Id,
    version: IfMatch,
    writing: Writing,
    mut sent: Sent<Patch<ActivationFields>>,
) -> Result<Changed<ActivationDetail<'static>>, ApiError> {
    sent.body.0.version = version.or(sent.body.0.version)?;
    let operation = Operation::UpdateActivation(Update { row: Whole(id), set: sent.body });
    changed(&state, &writing, operation, (&sent.json, &sent.problems)).await
}

pub(crate) async fn delete(
    State(state): State<AppState>,
    Id(id): Id,
    IfMatch(version): IfMatch,
    writing: Writing,
) -> Result<Changed<Removed>, ApiError> {
    let operation =
        Operation::DeleteActivation(ActivationVersion { row: Whole(id), version: version.map(Whole) });
    removed(&state, &writing, operation).await
}

pub(super) async fn changed(
    state: &AppState,
    writing: &Writing,
    operation: Operation,
    (sent, wrong): (&Value, &[Problem]),
) -> Result<Changed<ActivationDetail<'static>>, ApiError> {
    let asked = [Asked::alone(operation)];
    match (Wish { state, writing, asked: &asked, sent, wrong }).perform().await? {
        Outcome::Planned(plan) => Changed::planned(&plan),
        Outcome::Written(written) => {
            let (rows, row) = written.activation()?;
            Changed::row(&of_revision(&written.snapshot, rows, row), row.row_version)
        }
    }
}
