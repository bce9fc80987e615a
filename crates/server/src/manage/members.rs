//! `/api/activations/{id}/members`: the members of activations, such as `novi.members`.

use axum::extract::State;
use novi::rows::MemberRow;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    app::{
        AppState,
        rows::{find_activation, rows},
    },
    http::{error::ApiError, reply::Reply},
    manage::{
        edit::perform::EditRequest,
        request::{
            integer::Int,
            json_body::JsonBody,
            operation::{ChangeMembers, Operation},
            params::{EditOptions, Id, IfMatch, MemberToRemove, Params},
        },
        response::{
            page::{Limit, Page, Sort, SortKey, Sortable, sorted_page},
            row::Changed,
            view::ActivationDetail,
        },
    },
};

/// A member of an activation.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Member<'a> {
    /// For example a user's id.
    member: &'a str,
    /// Whether the member is denied, rather than allowed.
    denied: bool,
}

impl Sortable for MemberRow {
    const ORDERS: &'static [&'static str] = &["member"];

    fn key(&self, _: &str) -> SortKey<'_> {
        (0, &self.member, 0)
    }
}

/// Filters for members; all must match.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    limit: Option<Limit>,
    /// `next` of the previous page.
    cursor: Option<String>,
    /// Only this member.
    member: Option<String>,
    /// Only members that start with this text.
    prefix: Option<String>,
    /// Only denied members, or only allowed ones.
    denied: Option<bool>,
}

/// Members to add and to remove.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct MemberChange {
    /// Members to add. Adding an existing member changes nothing.
    #[serde(default)]
    members: Vec<String>,
    /// Whether the added members are denied, rather than allowed.
    #[serde(default)]
    denied: bool,
    /// Members to remove. Removing an unknown member changes nothing.
    #[serde(default)]
    remove: Vec<String>,
    /// The activation's version that you have read, in place of `If-Match`.
    version: Option<Int>,
}

pub(crate) async fn list(
    State(state): State<AppState>,
    Id(id): Id,
    Params(query): Params<Query>,
) -> Result<Reply<Page<Member<'static>>>, ApiError> {
    let snapshot = state.flags().snapshot();
    let rows = rows(&snapshot)?;
    find_activation(rows, id).ok_or_else(|| ApiError::row_not_found("activations", id))?;
    let found = rows.members_of(id).iter().filter(|row| {
        query.member.as_deref().is_none_or(|member| row.member == member)
            && query.prefix.as_deref().is_none_or(|prefix| row.member.starts_with(prefix))
            && query.denied.is_none_or(|denied| row.denied == denied)
    });
    let wanted = (query.limit, query.cursor.as_deref(), &Sort::default());
    Reply::new(&sorted_page(found, wanted, snapshot.revision(), |row| Member {
        member: &row.member,
        denied: row.denied,
    })?)
}

pub(crate) async fn change(
    State(state): State<AppState>,
    Id(activation): Id,
    version: IfMatch,
    options: EditOptions,
    mut body: JsonBody<MemberChange>,
) -> Result<Changed<ActivationDetail<'static>>, ApiError> {
    let MemberChange { members, denied, remove, version: body_version } = std::mem::take(&mut body.value);
    let version = version.or(body_version)?;
    let change = ChangeMembers { activation: Int(activation), members, denied, remove, version };
    EditRequest::single(&state, &options, Operation::ChangeMembers(change)).with_body(&body).changed().await
}

pub(crate) async fn delete(
    State(state): State<AppState>,
    Id(activation): Id,
    IfMatch(version): IfMatch,
    MemberToRemove { member, options }: MemberToRemove,
) -> Result<Changed<ActivationDetail<'static>>, ApiError> {
    let is_member = {
        let snapshot = state.flags().snapshot();
        let rows = rows(&snapshot)?;
        rows.members_of(activation).iter().any(|row| row.member == member)
            || find_activation(rows, activation).is_none()
    };
    if !is_member {
        return Err(ApiError::member_not_found(activation, &member));
    }
    let change = ChangeMembers {
        activation: Int(activation),
        members: Vec::new(),
        denied: false,
        remove: vec![member],
        version: version.map(Int),
    };
    EditRequest::single(&state, &options, Operation::ChangeMembers(change)).changed().await
}
