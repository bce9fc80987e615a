//! `GET /api/issues`: invalid rows.

use axum::extract::State;
use novi::rows::Issue;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    app::AppState,
    http::{error::ApiError, reply::Reply},
    manage::{
        request::params::Params,
        response::page::{Limit, Page, paginate},
    },
};

/// An invalid row, and the flags that it breaks.
#[derive(Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(transparent)]
pub(crate) struct ListedIssue<'a>(#[schemars(with = "IssueSchema")] &'a Issue);

/// An invalid row.
#[derive(JsonSchema)]
#[schemars(rename = "Issue")]
#[expect(dead_code, reason = "for its schema")]
struct IssueSchema {
    /// The table of the row; `novi_activations` for a file.
    table: String,
    /// The row's id.
    #[schemars(required)]
    id: Option<i64>,
    /// The row's name, or a description if it has none.
    name: String,
    /// The column, and for a config the path in its JSON: `config.splits[2]`.
    path: String,
    /// What was expected, and what was found.
    message: String,
    /// The names of the flags that it breaks, sorted.
    flags: Vec<String>,
    /// True if the row is valid all the same; absent otherwise.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    warning: bool,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    limit: Option<Limit>,
    /// `next` of the previous page.
    cursor: Option<String>,
    /// Only issues that break the flag with this name.
    flag: Option<String>,
}

pub(crate) async fn list(
    State(state): State<AppState>,
    Params(query): Params<Query>,
) -> Result<Reply<Page<ListedIssue<'static>>>, ApiError> {
    let snapshot = state.flags().snapshot();
    let breaks = |issue: &&Issue| query.flag.as_ref().is_none_or(|flag| issue.flags.contains(flag));
    let found: Vec<_> = snapshot.issues().iter().filter(breaks).map(ListedIssue).collect();
    let (items, next) = paginate(found, Limit::or_default(query.limit), query.cursor.as_deref())?;
    Reply::new(&Page { items, next, revision: snapshot.revision().number(), total: None })
}
