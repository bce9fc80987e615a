//! `GET /api/issues`: the rows that do not compile.

use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::page::{Limit, Page, slice};
use crate::{error::ApiError, reply::Answer, state::AppState};

/// A row that does not compile, and the flags that are broken by it.
#[derive(Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(transparent)]
pub(crate) struct Listed<'a>(#[schemars(with = "IssueSchema")] &'a novi::Issue);

/// A row that does not compile.
#[derive(JsonSchema)]
#[schemars(rename = "Issue")]
#[expect(dead_code, reason = "for its schema")]
struct IssueSchema {
    /// The table of the row; `novi_activations` for a file.
    table: String,
    /// The row's id.
    #[schemars(required)]
    id: Option<i64>,
    /// The row's name, or what stands in its place.
    name: String,
    /// The column, and for a config the path in its JSON: `config.splits[2]`.
    path: String,
    /// What was expected and what was found.
    message: String,
    /// The names of the flags that are broken by it, sorted.
    flags: Vec<String>,
}

/// Which issues are asked for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    limit: Option<Limit>,
    /// `next` of the answer before.
    cursor: Option<String>,
    /// Those that break the flag with this name.
    flag: Option<String>,
}

pub(crate) async fn list(
    State(state): State<AppState>,
    crate::api::params::Params(query): crate::api::params::Params<Query>,
) -> Result<Answer<Page<Listed<'static>>>, ApiError> {
    let snapshot = state.flags().snapshot();
    let breaks = |issue: &&novi::Issue| query.flag.as_ref().is_none_or(|flag| issue.flags.contains(flag));
    let found: Vec<_> = snapshot.issues().iter().filter(breaks).map(Listed).collect();
    let (items, next) = slice(found, Limit::or_default(query.limit), query.cursor.as_deref())?;
    Answer::of(&Page { items, next, revision: snapshot.revision().number() })
}
