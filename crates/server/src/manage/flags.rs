//! `/api/flags`: flags with their metadata and links.
//!
//! A flag is addressed by its id, which never changes. `/api/flags/named/{name}` addresses it by name.

use axum::extract::State;
use novi::{
    rows::{FlagRow, Rows},
    snapshot::Snapshot,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    app::{
        AppState,
        rows::{find_flag, flag_not_found, rows},
    },
    http::{error::ApiError, reply::Reply},
    manage::{
        edit::{
            perform::{EditRequest, Outcome},
            removed::{Removed, remove},
        },
        request::{
            class_names::class_names,
            fields::{FlagFields, New, Patch},
            integer::Int,
            json_body::JsonBody,
            operation::{FlagRef, FlagVersion, Link, Operation, RequestedChange, Update},
            params::{EditOptions, FlagKey, FlagPath, IfMatch, LinkPath, Params},
        },
        response::{
            page::{Limit, Page, paginate_sorted},
            row::{Changed, Created, Row},
            view::{FlagDetail, flag_detail},
        },
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
    sort: Sort,
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
    /// Only flags with this text in their name, description, owner or tags, case-insensitive.
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
    #[serde(rename = "updated_at")]
    Updated,
    #[serde(rename = "-updated_at")]
    UpdatedDescending,
}

impl Sort {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::IdDescending => "-id",
            Self::Name => "name",
            Self::NameDescending => "-name",
            Self::Updated => "updated_at",
            Self::UpdatedDescending => "-updated_at",
        }
    }

    fn key(self, row: &FlagRow) -> (i64, &str, i64) {
        match self {
            Self::Id | Self::IdDescending => (0, "", row.id),
            Self::Name | Self::NameDescending => (0, &row.name, row.id),
            Self::Updated | Self::UpdatedDescending => {
                (row.metadata.updated_at.map_or(i64::MIN, |at| at.timestamp_micros()), "", row.id)
            }
        }
    }
}

pub(crate) async fn list(
    State(state): State<AppState>,
    Params(query): Params<Query>,
) -> Result<Reply<Page<FlagDetail<'static>>>, ApiError> {
    let snapshot = state.flags().snapshot();
    let rows = rows(&snapshot)?;
    let filter = Filter::new(&state, &snapshot, &query);
    let found = rows.flags.iter().enumerate().filter(|(index, row)| filter.matches(*index, row));
    let found: Vec<&FlagRow> = found.map(|(_, row)| row).collect();
    let (limit, cursor) = (Limit::or_default(query.limit), query.cursor.as_deref());
    let (found, next) =
        paginate_sorted(found, query.sort.as_str(), |row| query.sort.key(row), limit, cursor)?;
    let items: Vec<_> = found.into_iter().map(|row| flag_detail(rows, row)).collect();
    Reply::new(&Page { items, next, revision: snapshot.revision().number() })
}

/// The filters of a query.
struct Filter<'a> {
    query: &'a Query,
    snapshot: &'a Snapshot,
    /// All names of the class in the query.
    classes: Option<Vec<String>>,
    text: Option<String>,
}

impl<'a> Filter<'a> {
    fn new(state: &AppState, snapshot: &'a Snapshot, query: &'a Query) -> Self {
        let classes = query.class_name.as_deref().map(|class| class_names(state, class));
        Self { query, snapshot, classes, text: query.q.as_deref().map(str::to_lowercase) }
    }

    fn matches(&self, index: usize, row: &FlagRow) -> bool {
        let (query, metadata) = (self.query, &row.metadata);
        query.name.as_deref().is_none_or(|name| row.name == name)
            && query.prefix.as_deref().is_none_or(|prefix| row.name.starts_with(prefix))
            && query.tag.as_ref().is_none_or(|tag| metadata.tags.contains(tag))
            && query.status.is_none_or(|status| row.status == status)
            && query.owner.as_deref().is_none_or(|owner| metadata.owner.as_deref() == Some(owner))
            && self.text.as_deref().is_none_or(|text| contains_text(row, text))
            && self.classes.as_ref().is_none_or(|classes| {
                self.snapshot.activations_of(index).any(|activation| classes.contains(&activation.class_name))
            })
    }
}

fn contains_text(row: &FlagRow, text: &str) -> bool {
    let metadata = &row.metadata;
    let fields = [Some(&row.name), metadata.description.as_ref(), metadata.owner.as_ref()];
    fields.into_iter().flatten().chain(&metadata.tags).any(|field| field.to_lowercase().contains(text))
}

pub(crate) async fn one<P: FlagPath>(
    State(state): State<AppState>,
    path: P,
) -> Result<Row<FlagDetail<'static>>, ApiError> {
    let snapshot = state.flags().snapshot();
    let rows = rows(&snapshot)?;
    let row = match path.key() {
        FlagKey::Id(id) => find_flag(rows, id).ok_or_else(|| ApiError::row_not_found("flags", id))?,
        FlagKey::Name(name) => snapshot
            .row_of(&name)
            .and_then(|index| rows.flags.get(index))
            .ok_or_else(|| ApiError::flag_not_found(&flag_not_found(&snapshot, rows, &name)))?,
    };
    Row::new(&detail(&snapshot, rows, row), row.metadata.row_version)
}

fn detail<'a>(snapshot: &Snapshot, rows: &'a Rows, row: &'a FlagRow) -> FlagDetail<'a> {
    flag_detail(rows, row).with_revision(snapshot.revision())
}

pub(crate) async fn create(
    State(state): State<AppState>,
    options: EditOptions,
    mut body: JsonBody<New<FlagFields>>,
) -> Result<Created<FlagDetail<'static>>, ApiError> {
    let operation = Operation::CreateFlag(std::mem::take(&mut body.value));
    let changes = vec![RequestedChange::single(operation)];
    match EditRequest::new(&state, &options, changes).with_body(&body).perform().await? {
        Outcome::Planned(plan) => Created::planned(&plan),
        Outcome::Written(written) => {
            let (rows, row) = written.flag()?;
            let body = detail(&written.snapshot, rows, row);
            Created::new(&body, row.metadata.row_version, &format!("flags/{}", row.id))
        }
    }
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
    let changes = vec![RequestedChange::single(operation)];
    changed(EditRequest::new(&state, &options, changes).with_body(&body)).await
}

pub(crate) async fn delete<P: FlagPath>(
    State(state): State<AppState>,
    path: P,
    IfMatch(version): IfMatch,
    options: EditOptions,
) -> Result<Changed<Removed>, ApiError> {
    let target = FlagVersion { row: FlagRef(path.key()), version: version.map(Int) };
    remove(&state, &options, Operation::DeleteFlag(target)).await
}

pub(crate) async fn link(
    State(state): State<AppState>,
    path: LinkPath,
    version: IfMatch,
    options: EditOptions,
) -> Result<Changed<FlagDetail<'static>>, ApiError> {
    let changes = vec![RequestedChange::single(Operation::Link(requested_link(&path, version)))];
    changed(EditRequest::new(&state, &options, changes)).await
}

pub(crate) async fn unlink(
    State(state): State<AppState>,
    path: LinkPath,
    version: IfMatch,
    options: EditOptions,
) -> Result<Changed<FlagDetail<'static>>, ApiError> {
    let changes = vec![RequestedChange::single(Operation::Unlink(requested_link(&path, version)))];
    changed(EditRequest::new(&state, &options, changes)).await
}

fn requested_link(path: &LinkPath, IfMatch(version): IfMatch) -> Link {
    Link {
        flag: FlagRef(FlagKey::Id(path.flag)),
        activation: Int(path.activation),
        version: version.map(Int),
    }
}

/// Performs a request for one flag.
async fn changed(request: EditRequest<'_>) -> Result<Changed<FlagDetail<'static>>, ApiError> {
    match request.perform().await? {
        Outcome::Planned(plan) => Changed::planned(&plan),
        Outcome::Written(written) => {
            let (rows, row) = written.flag()?;
            Changed::row(&detail(&written.snapshot, rows, row), row.metadata.row_version)
        }
    }
}
