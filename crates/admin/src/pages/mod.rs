//! The pages, one file each.

pub(crate) mod activation;
pub(crate) mod audience;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod edit;
pub(crate) mod effect;
pub(crate) mod evaluations;
pub(crate) mod experiments;
pub(crate) mod flag;
pub(crate) mod flags;
pub(crate) mod form;
pub(crate) mod history;
pub(crate) mod link;
pub(crate) mod lists;
pub(crate) mod live;
pub(crate) mod login;
pub(crate) mod members;
mod merge;
pub(crate) mod playground;
mod preview;
pub(crate) mod status;
mod suggest;
pub(crate) mod switch;
pub(crate) mod templates;
pub(crate) mod timeline;
pub(crate) mod tokens;

use axum::{http::Uri, response::Response};

use crate::visit::Visit;

/// The page for an unknown path.
pub(crate) async fn no_page(visit: Visit, uri: Uri) -> Response {
    visit.not_found(&format!("there is no page at {}{}", visit.prefix(), uri.path()))
}
