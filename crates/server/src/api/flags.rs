//! `/api/flags`: flags with their metadata, and what they are linked to.
//!
//! A flag is named by its id, which never changes and holds for any name; by `/api/flags/named/{name}` names will do as well.

use axum::extract::State;
use novi::{
    Snapshot,
    rows::{FlagRow, Rows},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{
    draft::find_flag,
    fields::{FlagFields, New, Patch},
    operation::{Asked, FlagRef, FlagVersion, Link, Operation, Update},
    page::{Limit, Page, cut},
    params::{FlagKey, IfMatch, LinkEnds, NamesFlag, Params, Writing},
    perform::{Outcome, Wish, Written},
    problem::Problem,
    row::{Changed, Created, Row},
    sent::Sent,
    view::{self, FlagDetail},
    whole::Whole,
};
use crate::{
    error::ApiError,
    reply::Answer,
    state::AppState,
    view::{missing, rows},
};

/// Which flags are asked for; those to which all of it applies.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    limit: Option<Limit>,
    /// `next` of the answer before.
    cursor: Option<String>,
    #[serde(default)]
    sort: Sort,
    /// The one with this name.
    name: Option<String>,
    /// Those whose name begins so.
    prefix: Option<String>,
    /// Those that have this tag.
    tag: Option<String>,
    status: Option<bool>,
    /// Those that have this owner.
    owner: Option<String>,
    /// Those that are linked to an activation of this type, by its class name or an alias.
    class_name: Option<String>,
    /// Those that have this text in their name, description, owner or tags, in upper or lower case.
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
    #[serde(rename = "updated_at")]
    Updated,
    #[serde(rename = "-updated_at")]
    UpdatedDown,
}

impl Sort {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::IdDown => "-id",
            Self::Name => "name",
            Self::NameDown => "-name",
            Self::Updated => "updated_at",
            Self::UpdatedDown => "-updated_at",
        }
    }
}

pub(crate) async fn list(
    State(state): State<AppState>,
    Params(query): Params<Query>,
) -> Result<Answer<Page<FlagDetail<'static>>>, ApiError> {
    let snapshot = state.flags().snapshot();
    let rows = rows(&snapshot)?;
    let filter = Filter::new(&state, &snapshot, &query);
    let found = rows.flags.iter().enumerate().filter(|(index, row)| filter.has(*index, row));
    let found: Vec<&FlagRow> = found.map(|(_, row)| row).collect();
    let (limit, cursor) = (Limit::or_default(query.limit), query.cursor.as_deref());
    let (found, next) = cut(found, query.sort.as_str(), |row| place(row, query.sort), limit, cursor)?;
    let items: Vec<_> = found.into_iter().map(|row| view::flag(rows, row)).collect();
    Answer::of(&Page { items, next, revision: snapshot.revision().number() })
}

fn place(row: &FlagRow, sort: Sort) -> (i64, &str, i64) {
    match sort {
        Sort::Id | Sort::IdDown => (0, "", row.id),
        Sort::Name | Sort::NameDown => (0, &row.name, row.id),
        Sort::Updated | Sort::UpdatedDown => {
            (row.metadata.updated_at.map_or(i64::MIN, |at| at.timestamp_micros()), "", row.id)
        }
    }
}

/// What a query asks of a flag.
struct Filter<'a> {
    query: &'a Query,
    snapshot: &'a Snapshot,
    /// All names of the class that is asked for.
    classes: Option<Vec<String>>,
    text: Option<String>,
}

impl<'a> Filter<'a> {
    fn new(state: &AppState, snapshot: &'a Snapshot, query: &'a Query) -> Self {
        let classes = query.class_name.as_deref().map(|class| class_names(state, class));
        Self { query, snapshot, classes, text: query.q.as_deref().map(str::to_lowercase) }
    }

    fn has(&self, index: usize, row: &FlagRow) -> bool {
        let (query, metadata) = (self.query, &row.metadata);
        query.name.as_deref().is_none_or(|name| row.name == name)
            && query.prefix.as_deref().is_none_or(|prefix| row.name.starts_with(prefix))
            && query.tag.as_ref().is_none_or(|tag| metadata.tags.contains(tag))
            && query.status.is_none_or(|status| row.status == status)
            && query.owner.as_deref().is_none_or(|owner| metadata.owner.as_deref() == Some(owner))
            && self.text.as_deref().is_none_or(|text| has_text(row, text))
            && self.classes.as_ref().is_none_or(|classes| {
                self.snapshot.activations_of(index).any(|activation| classes.contains(&activation.class_name))
            })
    }
}

/// A class name with all other names of the type.
pub(super) fn class_names(state: &AppState, class: &str) -> Vec<String> {
    match state.flags().registry().find(class) {
        Some(kind) => [kind.class()].iter().chain(kind.aliases()).map(|name| (*name).to_owned()).collect(),
        None => vec![class.to_owned()],
    }
}

fn has_text(row: &FlagRow, text: &str) -> bool {
    let metadata = &row.metadata;
    let fields = [Some(&row.name), metadata.description.as_ref(), metadata.owner.as_ref()];
    fields.into_iter().flatten().chain(&metadata.tags).any(|field| field.to_lowercase().contains(text))
}

pub(crate) async fn one<K: NamesFlag>(
    State(state): State<AppState>,
    key: K,
) -> Result<Row<FlagDetail<'static>>, ApiError> {
    let snapshot = state.flags().snapshot();
    let rows = rows(&snapshot)?;
    let found = match key.key() {
        FlagKey::Id(id) => find_flag(rows, id).ok_or_else(|| ApiError::row_not_found("flags", id))?,
        FlagKey::Name(name) => snapshot
            .row_of(&name)
            .and_then(|index| rows.flags.get(index))
            .ok_or_else(|| ApiError::flag_not_found(&missing(&snapshot, rows, &name)))?,
    };
    detail(&snapshot, rows, found)
}

fn detail(snapshot: &Snapshot, rows: &Rows, row: &FlagRow) -> Result<Row<FlagDetail<'static>>, ApiError> {
    Row::of(&of_revision(snapshot, rows, row), row.metadata.row_version)
}

fn of_revision<'a>(snapshot: &Snapshot, rows: &'a Rows, row: &'a FlagRow) -> FlagDetail<'a> {
    view::flag(rows, row).of_revision(snapshot.revision())
}

pub(crate) async fn create(
    State(state): State<AppState>,
    writing: Writing,
    sent: Sent<New<FlagFields>>,
) -> Result<Created<FlagDetail<'static>>, ApiError> {
    let asked = [Asked::alone(Operation::CreateFlag(sent.body))];
    let wish =
        Wish { state: &state, writing: &writing, asked: &asked, sent: &sent.json, wrong: &sent.problems };
    match wish.perform().await? {
        Outcome::Planned(plan) => Created::planned(&plan),
        Outcome::Written(written) => {
            let (rows, row) = written.flag()?;
            let body = of_revision(&written.snapshot, rows, row);
            Created::of(&body, row.metadata.row_version, &format!("flags/{}", row.id))
        }
    }
}

pub(crate) async fn update<K: NamesFlag>(
    State(state): State<AppState>,
    key: K,
    version: IfMatch,
    writing: Writing,
    mut sent: Sent<Patch<FlagFields>>,
) -> Result<Changed<FlagDetail<'static>>, ApiError> {
    sent.body.0.version = version.or(sent.body.0.version)?;
    let operation = Operation::UpdateFlag(Update { row: FlagRef(key.key()), set: sent.body });
    changed(&state, &writing, operation, (&sent.json, &sent.problems)).await
}

pub(crate) async fn delete<K: NamesFlag>(
    State(state): State<AppState>,
    key: K,
    IfMatch(version): IfMatch,
    writing: Writing,
) -> Result<Changed<Removed>, ApiError> {
    let operation =
        Operation::DeleteFlag(FlagVersion { row: FlagRef(key.key()), version: version.map(Whole) });
    removed(&state, &writing, operation).await
}

pub(crate) async fn link(
    State(state): State<AppState>,
    ends: LinkEnds,
    version: IfMatch,
    writing: Writing,
) -> Result<Changed<FlagDetail<'static>>, ApiError> {
    changed(&state, &writing, Operation::Link(of_ends(&ends, version)), (&Value::Null, &[])).await
}

pub(crate) async fn unlink(
    State(state): State<AppState>,
    ends: LinkEnds,
    version: IfMatch,
    writing: Writing,
) -> Result<Changed<FlagDetail<'static>>, ApiError> {
    changed(&state, &writing, Operation::Unlink(of_ends(&ends, version)), (&Value::Null, &[])).await
}

fn of_ends(ends: &LinkEnds, IfMatch(version): IfMatch) -> Link {
    Link {
        flag: FlagRef(FlagKey::Id(ends.flag)),
        activation: Whole(ends.activation),
        version: version.map(Whole),
    }
}

async fn changed(
    state: &AppState,
    writing: &Writing,
    operation: Operation,
    (sent, wrong): (&Value, &[Problem]),
) -> Result<Changed<FlagDetail<'static>>, ApiError> {
    let asked = [Asked::alone(operation)];
    match (Wish { state, writing, asked: &asked, sent, wrong }).perform().await? {
        Outcome::Planned(plan) => Changed::planned(&plan),
        Outcome::Written(written) => {
            let (rows, row) = written.flag()?;
            Changed::row(&of_revision(&written.snapshot, rows, row), row.metadata.row_version)
        }
    }
}

/// What is left of a row that is gone.
#[derive(serde::Serialize, JsonSchema)]
pub(crate) struct Removed {
    /// The first revision without it.
    revision: i64,
}

pub(super) async fn removed(
    state: &AppState,
    writing: &Writing,
    operation: Operation,
) -> Result<Changed<Removed>, ApiError> {
    let asked = [Asked::alone(operation)];
    match (Wish { state, writing, asked: &asked, sent: &Value::Null, wrong: &[] }).perform().await? {
        Outcome::Planned(plan) => Changed::planned(&plan),
        Outcome::Written(Written { revision, .. }) => Changed::of(&Removed { revision: revision.number() }),
    }
}
