//! The admin page of novi: see what each flag does in words, change it, and undo the change.
//!
//! The pages are clients of the API of [`novi_server`]: validation, access, versions and history are those of
//! `/api`, and what a page can do the API can. They need no JavaScript and send no request to another host.
//!
//! [`router`] mounts the pages in an application of your own, under any path; `novi serve` has them at
//! `/admin`.
//!
//! ```
//! use axum::Router;
//! use novi::{Flags, rows::{FlagRow, Rows}};
//! # use axum::{body::Body, http::{Request, StatusCode}};
//! # use tower::ServiceExt;
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let rows = Rows { flags: vec![FlagRow::new(1, "Winter sale", true)], ..Rows::default() };
//! let flags = Flags::builder().keep_rows().from_rows(rows)?;
//! // To change flags, set `Options::database` as well.
//! let pages = novi_admin::router(flags, novi_server::Options::default());
//! let app: Router = Router::new().nest("/flags-admin", pages);
//! # let request = Request::get("/flags-admin/flags").body(Body::empty())?;
//! # assert_eq!(app.oneshot(request).await?.status(), StatusCode::OK);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Access
//! If [`Options::tokens`](novi_server::Options#structfield.tokens) is set, a visitor logs in with a token:
//! with the role `admin` to change flags, or `server` to read. The session ends when the token is revoked.
//! Otherwise every visitor has full access, and the application must authenticate them.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![allow(clippy::result_large_err, reason = "a page and what is shown in its place are both responses")]

mod api;
mod assets;
mod body;
mod charts;
mod evaluations;
mod forms;
mod headers;
mod kept_files;
mod pages;
mod session;
mod visit;
mod words;

use std::time::Duration;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    http::{HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use novi::Flags;
use novi_server::{Extend, Options};
use tokio::time::timeout;
use tower::ServiceExt as _;

use crate::{
    body::BODY_LIMIT,
    visit::{Site, redirect},
};

/// The pages over these flags, to nest in an application.
///
/// Create the flags with [`keep_rows`](novi::FlagsBuilder::keep_rows), and set
/// [`Options::database`](novi_server::Options#structfield.database) to the database that they follow.
pub fn router(flags: Flags, options: Options) -> Router {
    let api = novi_server::router(flags.clone(), options);
    pages(flags, api, false)
}

/// Adds the pages to a server, at `/admin`. `GET /` leads browsers there.
///
/// `https` says that visitors come over HTTPS, so that the cookie of a session is sent over HTTPS only.
#[must_use]
pub fn extend(https: bool) -> Extend {
    Extend::new(move |flags, api| {
        let (pages, rest) = (pages(flags.clone(), api.clone(), https), api.clone());
        api.route("/", get(move |request: Request| home(rest.clone(), request)))
            .nest("/admin", pages)
            .route("/admin/", get(async || redirect(HOME)))
    })
}

/// The first page.
const HOME: &str = "/admin/flags";

/// `GET /` of a server: browsers are led to the pages, and all others to the API's own response.
async fn home(api: Router, request: Request) -> Response {
    let is_html = |value: &HeaderValue| value.to_str().is_ok_and(|text| text.contains("text/html"));
    if request.headers().get_all(header::ACCEPT).iter().any(is_html) {
        return redirect(HOME);
    }
    match api.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// How long a form may take to arrive and a page to be made. The API has shorter limits of its own.
const LONGEST: Duration = Duration::from_mins(1);

async fn limit_time(request: Request, next: Next) -> Response {
    match timeout(LONGEST, next.run(request)).await {
        Ok(response) => response,
        Err(_) => StatusCode::REQUEST_TIMEOUT.into_response(),
    }
}

fn pages(flags: Flags, api: Router, secure: bool) -> Router {
    use pages::{
        activation, create, delete, edit, experiments, flag, flags as list, history, link, lists, live,
        login, members, playground, status, switch, timeline, tokens,
    };
    Router::new()
        .route("/", get(list::home))
        .route("/flags", get(list::list))
        .route("/flags/new", get(create::new).post(create::create))
        .route("/flags/{id}", get(flag::one))
        .route("/flags/{id}/switch", get(switch::ask).post(switch::switch))
        .route("/flags/{id}/undo", post(switch::undo))
        .route("/flags/{id}/edit", get(edit::edit).post(edit::update))
        .route("/flags/{id}/add", get(link::ask).post(link::add))
        .route("/flags/{id}/remove", post(link::remove))
        .route("/flags/{id}/delete", get(delete::confirm_delete).post(delete::delete))
        .route("/activations/{id}/edit", get(activation::edit).post(activation::update))
        .route("/activations/{id}/members", get(members::list).post(members::change))
        .route("/experiments", get(experiments::list))
        .route("/experiments/{name}", get(experiments::one::one))
        .route("/experiments/{name}/step", get(experiments::step::ask).post(experiments::step::step))
        .route("/history", get(history::list))
        .route("/rollback", get(history::plan).post(history::rollback))
        .route("/issues", get(lists::issues))
        .route("/stale", get(lists::stale))
        .route("/timeline", get(timeline::timeline))
        .route("/types", get(lists::types))
        .route("/types/{class}", get(lists::one_type))
        .route("/playground", get(playground::playground))
        .route("/tokens", get(tokens::list).post(tokens::create))
        .route("/tokens/{id}/revoke", post(tokens::revoke))
        .route("/status", get(status::status))
        .route("/revision", get(live::revision))
        .route("/login", get(login::form).post(login::login))
        .route("/logout", post(login::logout))
        .route("/assets/{name}", get(assets::asset))
        .fallback(pages::no_page)
        .layer(middleware::from_fn(limit_time))
        .layer(middleware::from_fn(headers::protect))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(Site::new(flags, api, secure))
}
