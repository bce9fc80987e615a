//! The HTTP server of novi: a [`router`] to mount in an axum application, or to [`serve`] by itself.
//!
//! ```
//! use axum::{Router, routing::get};
//! use novi::{Flags, rows::{FlagRow, Rows}};
//! # use axum::{body::Body, http::{Request, StatusCode}};
//! # use tower::ServiceExt;
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let flags = Flags::builder().keep_rows().from_rows(Rows { flags: vec![FlagRow::new(1, "Winter sale", true)], ..Rows::default() })?;
//! let app: Router = Router::new()
//!     .route("/", get(async || "the service's own page"))
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
//! `GET /openapi.json` describes all of them; these are the first to know:
//!
//! | path | answer |
//! |---|---|
//! | `POST /ofrep/v1/evaluate/flags` | OFREP 0.3: what all flags answer, with an `ETag` and the address of an event stream |
//! | `POST /ofrep/v1/evaluate/flags/{key}` | what one answers |
//! | `GET /features` | the names of the features that are active for the caller |
//! | `GET /flags`, `GET /flags/{name}` | flags as their rows have them, in the order of ids |
//! | `POST /evaluatedFlags`, `POST /evaluatedFlags/{name}` | the same, with what each answers the caller as `status`; the body is the context |
//! | `/api/..` | management: flags, activations, members, several changes at once, history, rollback, issues; it needs [`Options::database`] |
//! | `GET /metrics` | for Prometheus |
//! | `GET /health/live` | 200 as long as the process answers at all |
//! | `GET /health/ready` | 200, or 503 while the process shuts down, the database does not confirm its revision, or there are no rows yet |
//!
//! A flag is `{"activations": [{"class_name", "config", "id", "name"}], "id", "name", "status"}`, with `config` as the
//! text that the row holds. A context is a JSON object, whatever the content type says; no body and `null` are the
//! empty context. (OFREP is stricter.) Each request is answered from one revision of the rows.
//!
//! # Toggles
//! The header `X-Novi-Feature-Toggles` turns flags on or off for its request alone. [`RequestToggles`] is a layer that gives the
//! handlers of an application the same, by the extractor [`RequestFlags`].
//!
//! # Errors
//! Every error is `{"error": {"code", "message", "request_id"}}`. Codes are stable, messages are not.
//!
//! | status | code | when |
//! |---|---|---|
//! | 400 | `invalid_body` | the body is no JSON object, or the context has too many attributes |
//! | 400 | `invalid_context` | the context of OFREP is no object, or has a wrong `targetingKey` |
//! | 400 | `targeting_key_missing` | the server [requires](Options::require_targeting_key) one |
//! | 400 | `invalid_toggles` | the list of toggles is wrong |
//! | 400 | `flag_broken` | a flag with values needs a row that does not compile |
//! | 400 | `invalid_path` | the path is no UTF-8 once its %-escapes are read |
//! | 400 | `body_incomplete` | the body ended before its end |
//! | 401 | `unauthorized` | no token where one is needed, one that is not known or not good any more, or the address of an event stream that has expired |
//! | 403 | `forbidden` | the token does not reach so far, or stands for another user; or the caller may not override flags |
//! | 404 | `flag_not_found` | no row of `flags` has the name |
//! | 404 | `route_not_found` | nothing is served there |
//! | 405 | `method_not_allowed` | the header `allow` has the methods that are |
//! | 408 | `request_timeout` | the body did not arrive within [`Options::request_timeout`] |
//! | 413 | `body_too_large` | the body is larger than [`Options::body_limit`] |
//! | 414 | `url_too_long` | path and query are longer than [`Options::url_limit`] |
//! | 415 | `unsupported_media_type` | the body is not said to be JSON |
//! | 415 | `unsupported_content_encoding` | the body is compressed |
//! | 429 | `too_many_requests` | too many unknown tokens from one address, or more requests than [`Options::rate_limit`]; `retry-after` has the seconds |
//! | 500 | `internal_error` | a defect; the log says more, under the request's id |
//! | 503 | `too_many_streams` | [`Options::max_streams`] are open |
//! | 503 | `tokens_not_known` | the database has not told yet who may call |
//! | 503 | `answer_timeout` | the answer was not ready within [`Options::request_timeout`] |
//! | 409 | `already_exists`, `in_use`, `refused` | management: the rows as they are do not allow it |
//! | 412 | `conflict` | management: somebody else has changed the row; `conflict` has both sides |
//! | 422 | `invalid` | management: `problems` has everything that is wrong, each with a JSON pointer into the body |
//! | 501 | `no_database` | management: there is no [`Options::database`] |
//! | 503 | `database_unavailable`, `not_migrated`, `not_seen_yet` | management: the database does not answer, has no tables, or its change is not seen yet |
//!
//! Requests that are no HTTP, and heads beyond 64 KiB, are refused with 4xx and no body before they get here.
//!
//! # Request ids and logs
//! `x-request-id` is taken from the request if it is 1 to 128 visible ASCII characters, made otherwise, and stands on
//! every answer and in the span `request` around all that is logged, with the id of the trace if the request has a
//! `traceparent`. Each request is one line at level info; questions by OFREP are, when they fail, else at level debug. Bodies,
//! contexts, query strings and headers are never logged.
//!
//! # What it does not do
//! No HTTP/2, no compression: put a reverse proxy in front. A router that is mounted without [`Options::tokens`] asks nobody who
//! they are: the application is to.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod access;
mod api;
mod cors;
mod database;
mod endpoint;
mod error;
mod evaluated_flags;
mod events;
mod explain;
mod extract;
mod features;
mod flags;
mod health;
mod metrics;
mod news;
mod observe;
mod ofrep;
mod openapi;
mod options;
mod patient;
mod peer;
mod reply;
mod router;
mod serve;
mod signing;
mod state;
mod tls;
mod toggles;
mod tokens;
mod trace_context;
mod view;

pub use cors::Origins;
pub use options::{Database, OnSpan, Options, SigningKey, TogglesHeader};
pub use router::router;
pub use serve::serve;
pub use tls::Tls;
pub use toggles::{RequestFlags, RequestToggles, RequestTogglesService, ToggleError};
pub use tokens::{Refusal, Token, Tokens, export_tokens, tokens_beside};
