//! `GET /api/caller`: who the caller is, and what it may do.

use axum::Extension;
use novi::store::token::Role;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    auth::caller::Caller,
    http::{error::ApiError, reply::Reply},
};

/// The caller of this request.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Caller")]
pub(crate) struct CallerView<'a> {
    /// What the caller may do.
    role: Option<Role>,
    /// The name of its token; null for a caller without a token, which this server trusts.
    token: Option<&'a str>,
}

pub(crate) async fn caller(
    Extension(caller): Extension<Caller>,
) -> Result<Reply<CallerView<'static>>, ApiError> {
    Reply::new(&CallerView { role: caller.role(), token: caller.name() })
}
