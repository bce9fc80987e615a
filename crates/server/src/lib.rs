//! The HTTP server of novi: a [`router`] to mount in an axum application, or to [`serve`](serve()) by itself.
//! [`Server`] makes both from a store.
//!
//! ```
//! use axum::{Router, routing::get};
//! use novi::{Flags, rows::{FlagRow, Rows}};
//! # use axum::{body::Body, http::{Request, StatusCode}};
//! # use tower::ServiceExt;
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let rows = Rows { flags: vec![FlagRow::new(1, "Winter sale", true)], ..Rows::default() };
//! let flags = Flags::builder().keep_rows().from_rows(rows)?;
//! let app: Router = Router::new()
//!     .route("/", get(async || "a page of the application"))
//!     .nest("/novi", novi_server::router(flags, novi_server::Options::default()));
//! // axum::serve(listener, app).await?;
//! # let request = Request::get("/novi/flags/Winter%20sale").body(Body::empty())?;
//! # assert_eq!(app.oneshot(request).await?.status(), StatusCode::OK);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Endpoints
//! `GET /openapi.json` describes all of them. The first to know:
//!
//! | path | response |
//! |---|---|
//! | `POST /ofrep/v1/evaluate/flags` | OFREP 0.3: the decisions of all flags, with an `ETag` and the URL of an event stream |
//! | `POST /ofrep/v1/evaluate/flags/{key}` | the decision of one flag |
//! | `GET /features` | the names of the flags that are on for the caller |
//! | `GET /flags`, `GET /flags/{name}` | flags as rows, by id |
//! | `POST /evaluatedFlags`, `POST /evaluatedFlags/{name}` | the same, with the decision as `status`; the body is the context |
//! | `/api/..` | management: flags, activations, members, several changes at once, history, rollback, issues; requires [`Options::database`](Options#structfield.database) |
//! | `GET /metrics` | metrics for Prometheus |
//! | `GET /health/live` | 200 as long as the process responds |
//! | `GET /health/ready` | 200; 503 during a shutdown, while the database does not confirm its revision, and while there are no rows yet |
//!
//! A flag is `{"activations": [{"class_name", "config", "id", "name"}], "id", "name", "status"}`, where
//! `config` is the text of the row. A context is a JSON object, whatever the content type is; no body and
//! `null` are the empty context. (OFREP is stricter.) Each response is of one revision of the rows.
//!
//! # Toggles
//! The header `X-Novi-Feature-Toggles` overrides flags for its request. [`RequestToggles`] is a layer that
//! does the same for the handlers of an application, which extract [`RequestFlags`].
//!
//! # Errors
//! Every error is `{"error": {"code", "message", "request_id"}}`. Codes are stable, messages are not.
//!
//! | status | code | when |
//! |---|---|---|
//! | 400 | `invalid_body` | the body is not a JSON object, or the context has too many values |
//! | 400 | `invalid_context` | the context of OFREP is not an object, or has an invalid `targetingKey` |
//! | 400 | `targeting_key_missing` | the flag draws by the targeting key, or the server [requires](Options#structfield.require_targeting_key) one |
//! | 400 | `invalid_toggles` | the list of toggles is invalid |
//! | 400 | `flag_broken` | a flag with values is broken by an invalid row |
//! | 400 | `invalid_path` | the path is not UTF-8 after percent-decoding |
//! | 400 | `invalid_host` | there is not exactly one header `host` |
//! | 400 | `body_incomplete` | the connection or a chunk ended before the end of the body |
//! | 401 | `unauthorized` | no token where one is required, an unknown or expired token, or an expired URL of an event stream |
//! | 403 | `forbidden` | the token lacks the role, or is for another user; or the caller may not override flags |
//! | 404 | `flag_not_found` | no row of `flags` has the name |
//! | 404 | `route_not_found` | no route has the path |
//! | 405 | `method_not_allowed` | the header `allow` has the allowed methods |
//! | 408 | `request_timeout` | the body was not received within [`Options::request_timeout`](Options#structfield.request_timeout) |
//! | 413 | `body_too_large` | the body is larger than [`Options::body_limit`](Options#structfield.body_limit) |
//! | 413 | `context_too_large` | the context is longer than [`Options::context_limit`](Options#structfield.context_limit) |
//! | 414 | `url_too_long` | path and query are longer than [`Options::url_limit`](Options#structfield.url_limit) |
//! | 415 | `unsupported_media_type` | the content type is not JSON |
//! | 415 | `unsupported_content_encoding` | the body is compressed |
//! | 429 | `too_many_requests` | too many invalid tokens from one address, or more requests than [`Options::rate_limit`](Options#structfield.rate_limit); `retry-after` has the seconds |
//! | 429 | `too_many_streams` | [`Options::streams_per_address`](Options#structfield.streams_per_address) of one address are open |
//! | 500 | `internal_error` | a defect; the log has the details under the request id |
//! | 503 | `too_many_streams` | [`Options::max_streams`](Options#structfield.max_streams) are open |
//! | 503 | `tokens_not_known` | the tokens have not been loaded yet |
//! | 503 | `evaluation_timeout` | the evaluation of all flags took longer than [`Options::evaluation_timeout`](Options#structfield.evaluation_timeout) |
//! | 503 | `no_rows` | the database has been unavailable since the start, and there is no snapshot file |
//! | 503 | `starting` | the flags have not been loaded yet; see [`serve_from`](serve_from()) |
//! | 503 | `too_many_connections` | [`Options::max_connections`](Options#structfield.max_connections) are open |
//! | 503 | `answer_timeout` | the response was not ready within [`Options::request_timeout`](Options#structfield.request_timeout) |
//! | 409 | `already_exists`, `in_use`, `refused` | management: the current rows do not allow the change |
//! | 412 | `conflict` | management: the row was modified since the caller read it; `conflict` has both sides |
//! | 422 | `invalid` | management: `problems` has every problem, with a JSON pointer into the body |
//! | 501 | `no_database` | management: there is no [`Options::database`](Options#structfield.database) |
//! | 503 | `contention` | management: other transactions were in the way, also of the retries; nothing was changed |
//! | 503 | `database_unavailable`, `not_migrated`, `not_seen_yet` | management: the database is unavailable or has no tables, or this server has not loaded the change yet |
//! | 503 | `damaged_tables` | management: the tables cannot record changes until `novi migrate` has repaired them |
//!
//! Requests that are not HTTP, and heads of more than 64 KiB (up to 128 KiB if they arrive at once) or 100
//! headers, are rejected with 4xx and no body.
//!
//! # Request ids and logs
//! `x-request-id` is taken from the request if it has 1 to 128 visible ASCII characters; otherwise a new id
//! is used. It is in every response, and in the span `request` around all log lines of the request, together
//! with the trace id if the request has a `traceparent`. Each request is logged in one line at level info;
//! evaluations over OFREP are logged at level info if they fail, and at level debug otherwise. Bodies,
//! contexts, query strings and headers are never logged.
//!
//! # What it does not do
//! HTTP/2 only over TLS, and no compression: put a reverse proxy in front. A mounted router without
//! [`Options::tokens`](Options#structfield.tokens) does not authenticate callers: the application must.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod app;
mod auth;
mod endpoints;
mod http;
mod manage;
mod ofrep;
mod options;
mod router;
mod serve;
mod toggles;
mod tokens;

pub use manage::read_edit::{EditError, EditProblem, read_edit};
pub use options::{
    Options,
    audience::SavedQueries,
    cors::Origins,
    database::Database,
    experiments::Experiments,
    extend::Extend,
    listen::listen_address,
    metrics_token::MetricsToken,
    on_span::OnSpan,
    section::ServerSection,
    signing::SigningKey,
    tls::Tls,
    toggles_header::TogglesHeader,
    validation::{SectionError, SectionErrors},
};
pub use router::router;
pub use serve::{ServeError, serve, serve_from, server::Server};
pub use toggles::{
    error::ToggleError,
    layer::{RequestToggles, RequestTogglesService},
    request_flags::RequestFlags,
};
pub use tokens::{
    TokenError, Tokens,
    file::{export_tokens, tokens_beside},
    token::Token,
};
