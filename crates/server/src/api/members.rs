//! `/api/activations/{id}/members`: the lists of activations, such as those of `novi.members`.

use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    activations::changed,
    draft::find_activation,
    operation::{ChangeMembers, Operation},
    page::{Limit, Page, cut},
    params::{Id, IfMatch, MemberWriting, Params, Writing},
    row::Changed,
    sent::Sent,
    view::ActivationDetail,
    whole::Whole,
};
use crate::{error::ApiError, reply::Answer, state::AppState, view::rows};

/// A value of the list of an activation.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Member<'a> {
    /// Such as a user's id.
    member: &'a str,
    /// Whether it is denied, and not allowed.
    denied: bool,
}

/// Which members are asked for; those to which all of it applies.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    limit: Option<Limit>,
    /// `next` of the answer before.
    cursor: Option<String>,
    /// This one.
    member: Option<String>,
    /// Those that begin so.
    prefix: Option<String>,
    /// Those that are denied, or those that are allowed.
    denied: Option<bool>,
}

/// Members to add and to remove.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
#[schemars(rename = "MemberChange")]
pub(crate) struct Change {
    /// Values that are to be members. Those that are already stay.
    #[serde(default)]
    members: Vec<String>,
    /// Whether they are denied, and not allowed.
    #[serde(default)]
    denied: bool,
    /// Values that are to be no members. Those that are none already stay so.
    #[serde(default)]
    remove: Vec<String>,
    /// The version of the activation as it was seen, in place of `If-Match`.
    version: Option<Whole>,
}

pub(crate) async fn list(
    State(state): State<AppState>,
    Id(id): Id,
    Params(query): Params<Query>,
) -> Result<Answer<Page<Member<'static>>>, ApiError> {
    let snapshot = state.flags().snapshot();
    let rows = rows(&snapshot)?;
    find_activation(rows, id).ok_or_else(|| ApiError::row_not_found("activations", id))?;
    let found = rows.members_of(id).iter().filter(|row| {
        query.member.as_deref().is_none_or(|member| row.member == member)
            && query.prefix.as_deref().is_none_or(|prefix| row.member.starts_with(prefix))
            && query.denied.is_none_or(|denied| row.denied == denied)
    });
    let found: Vec<_> = found.map(|row| Member { member: &row.member, denied: row.denied }).collect();
    let (limit, cursor) = (Limit::or_default(query.limit), query.cursor.as_deref());
    let (items, next) = cut(found, "member", |member| (0, member.member, 0), limit, cursor)?;
    Answer::of(&Page { items, next, revision: snapshot.revision().number() })
}

pub(crate) async fn change(
    State(state): State<AppState>,
    Id(activation): Id,
    version: IfMatch,
    writing: Writing,
    sent: Sent<Change>,
) -> Result<Changed<ActivationDetail<'static>>, ApiError> {
    let Change { members, denied, remove, version: of_body } = sent.body;
    let version = version.or(of_body)?;
    let change = ChangeMembers { activation: Whole(activation), members, denied, remove, version };
    changed(&state, &writing, Operation::ChangeMembers(change), (&sent.json, &sent.problems)).await
}

pub(crate) async fn delete(
    State(state): State<AppState>,
    Id(activation): Id,
    IfMatch(version): IfMatch,
    MemberWriting { member, writing }: MemberWriting,
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
    let remove = vec![member];
    let change = ChangeMembers {
        activation: Whole(activation),
        members: Vec::new(),
        denied: false,
        remove,
        version: version.map(Whole),
    };
    changed(&state, &writing, Operation::ChangeMembers(change), (&Value::Null, &[])).await
}
