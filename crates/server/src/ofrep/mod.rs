//! OFREP 0.3, OpenFeature's protocol of evaluation: `POST /ofrep/v1/evaluate/flags` for all flags, and
//! `POST /ofrep/v1/evaluate/flags/{key}` for one.
//!
//! This is what a server does all day, so it goes a way of its own: [`serve`](crate::serve()) brings such requests here
//! without the router, bodies are read where they lie, and answers are written as bytes. Mounted in an application the
//! router brings them.

mod body;
mod etag;
mod refusal;
mod telemetry;
mod write;

use std::borrow::Cow;

use axum::{
    BoxError,
    body::{Body, Bytes, HttpBody},
    extract::{OriginalUri, State},
    http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use novi::{Context, Snapshot};
use tokio::time::timeout;
use tracing::Instrument as _;

use self::{body::Evaluation, refusal::Refusal};
use crate::{
    access::{Access, Caller, Role, admit},
    error::ApiError,
    extract,
    observe::Arrival,
    openapi::{Input, Operation, Output, Schemas},
    peer::Peer,
    state::AppState,
    toggles,
};

/// Where all flags are evaluated; below it, one.
pub(crate) const PATH: &str = "/ofrep/v1/evaluate/flags";

/// Where one flag is.
pub(crate) const SINGLE_PATH: &str = "/ofrep/v1/evaluate/flags/{*key}";

/// Who may evaluate.
pub(crate) const ACCESS: Access = Access::Needs(Role::Client);

/// Whether a request is one for [`answer`].
pub(crate) fn is_evaluation(method: &Method, path: &str) -> bool {
    let rest = path.strip_prefix(PATH);
    method == Method::POST && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Answers a request for evaluation. `place` is the path at which the router is mounted.
pub(crate) async fn answer<B>(
    state: &AppState,
    peer: Option<Peer>,
    place: &str,
    request: Request<B>,
) -> Response
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    let arrival = Arrival::of(request.headers());
    if state.options().trace_evaluations {
        // A span takes longer than the answer, so that only who asks for it has one.
        let span = arrival.span(state, request.headers());
        return evaluated(state, peer, place, request, arrival).instrument(span).await;
    }
    evaluated(state, peer, place, request, arrival).await
}

async fn evaluated<B>(
    state: &AppState,
    peer: Option<Peer>,
    place: &str,
    request: Request<B>,
    arrival: Arrival,
) -> Response
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let path = path.strip_prefix(place).unwrap_or(path);
    // A slash behind the path of all flags names no flag.
    let key = path.strip_prefix(PATH).unwrap_or_default().strip_prefix('/').filter(|key| !key.is_empty());
    let mut name = None;
    let answered = async {
        extract::check_url(&parts.uri, state.options().url_limit)?;
        let caller = admit(state, &parts.headers, peer, ACCESS)?;
        let key = key.map(decoded).transpose()?;
        let key = name.insert(key).as_deref();
        let body = read(state, &parts, body).await?;
        let evaluation = Evaluation::read(&body, &caller, state.flags())?;
        if state.options().require_targeting_key && !evaluation.names_somebody(state.flags()) {
            return Err(ApiError::targeting_key_missing());
        }
        let question = Question { state, parts: &parts, caller: &caller, evaluation: &evaluation };
        if let Some(key) = key {
            return one(&question, key);
        }
        state.events().catch_up(state.flags(), parts.uri.query()).await;
        all(&question, place, &body)
    };
    let answered = answered.await;
    let response = answered.unwrap_or_else(|error| {
        let key = key.map(|raw| name.flatten().unwrap_or(Cow::Borrowed(raw)));
        Refusal { error: &error, key: key.as_deref() }.render(&arrival)
    });
    arrival.answered(state, key.is_some(), response)
}

/// The key in a path: its %-escapes stand for UTF-8, as do bytes that are not escaped.
fn decoded(raw: &str) -> Result<Cow<'_, str>, ApiError> {
    if !raw.bytes().any(|byte| byte == b'%') {
        return Ok(Cow::Borrowed(raw));
    }
    percent_encoding::percent_decode_str(raw).decode_utf8().map_err(|_| ApiError::invalid_path())
}

async fn read<B>(state: &AppState, parts: &Parts, body: B) -> Result<Bytes, ApiError>
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    let options = state.options();
    if extract::is_encoded(&parts.headers) {
        return Err(ApiError::content_encoding());
    }
    if !is_json(&parts.headers) {
        return Err(ApiError::media_type());
    }
    let reading = extract::read(body, &parts.headers, options.body_limit);
    let limit = options.request_timeout;
    timeout(limit, reading).await.unwrap_or_else(|_| Err(ApiError::request_timeout(limit)))
}

/// Whether the body is said to be JSON, or nothing is said of it.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return true };
    let value = value.as_bytes();
    let essence = value.split(|byte| *byte == b';').next().unwrap_or(value);
    essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

/// What is asked, and by whom.
struct Question<'a> {
    state: &'a AppState,
    parts: &'a Parts,
    caller: &'a Caller,
    evaluation: &'a Evaluation<'a>,
}

impl Question<'_> {
    /// The answer that `make` gives, with the toggles of the request, if it has any.
    fn answered(
        &self,
        make: impl FnOnce(&Snapshot) -> Result<Response, ApiError>,
    ) -> Result<Response, ApiError> {
        let snapshot = self.state.flags().snapshot();
        let names = &self.state.options().toggles_header.0;
        if !self.parts.headers.contains_key(&names.asks) {
            return make(&snapshot);
        }
        let trust = self.caller.trust(self.state);
        let overrides = toggles::read(&self.parts.headers, &names.asks, &snapshot, trust);
        let overrides = overrides.map_err(|error| ApiError::of_toggles(&error))?.unwrap_or_default();
        let mut response = overrides.within(|| make(&snapshot))?;
        let context = &self.evaluation.context;
        toggles::add_echo(response.headers_mut(), &names.tells, &snapshot, context, &overrides);
        Ok(response)
    }
}

fn one(question: &Question<'_>, key: &str) -> Result<Response, ApiError> {
    question.answered(|snapshot| {
        let decision = snapshot.decision(key, &question.evaluation.context);
        let decision = decision.filter(|decision| question.caller.may_see(decision));
        let decision = decision.ok_or_else(|| ApiError::no_such_flag(key))?;
        if question.state.options().trace_evaluations {
            telemetry::evaluated(&decision);
        }
        if write::has_failed(&decision) {
            return Err(ApiError::flag_broken(key));
        }
        let mut body = Vec::with_capacity(192 + key.len());
        write::success(&mut body, &decision, Some(snapshot.revision()));
        Ok(json(body))
    })
}

fn all(question: &Question<'_>, place: &str, request_body: &[u8]) -> Result<Response, ApiError> {
    question.answered(|snapshot| {
        let stream = question.state.events().address(place, snapshot.revision(), question.caller.token_id());
        let traced = question.state.options().trace_evaluations;
        let mut body = flags(snapshot, &question.evaluation.context, question.caller, traced);
        let etag = etag::of(snapshot.revision(), request_body, &body, &stream);
        let etag = HeaderValue::from_maybe_shared(Bytes::from(etag));
        let etag = etag.map_err(|error| ApiError::internal(error.to_string()))?;
        if etag::matches(&question.parts.headers, &etag) {
            let mut response = StatusCode::NOT_MODIFIED.into_response();
            response.headers_mut().insert(header::ETAG, etag);
            return Ok(response);
        }
        write::end(&mut body, &stream, snapshot.revision());
        let mut response = json(body);
        response.headers_mut().insert(header::ETAG, etag);
        Ok(response)
    })
}

/// The beginning of the answer, up to the last flag.
fn flags(snapshot: &Snapshot, context: &Context<'_>, caller: &Caller, traced: bool) -> Vec<u8> {
    let decisions = snapshot.evaluate_all(context);
    let mut body = Vec::with_capacity(256 + decisions.len() * 128);
    write::start(&mut body);
    for decision in decisions.iter().filter(|decision| caller.may_see(decision)) {
        if traced {
            telemetry::evaluated(decision);
        }
        write::item(&mut body, decision);
    }
    body
}

fn json(body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The request as the router brings it.
pub(crate) struct Mounted {
    place: String,
    peer: Option<Peer>,
    request: axum::extract::Request,
}

impl axum::extract::FromRequest<AppState> for Mounted {
    type Rejection = std::convert::Infallible;

    async fn from_request(
        mut request: axum::extract::Request,
        _: &AppState,
    ) -> Result<Self, Self::Rejection> {
        // Nested in an application, the router sees a shorter path than the client.
        if let Some(OriginalUri(uri)) = request.extensions_mut().remove::<OriginalUri>() {
            *request.uri_mut() = uri;
        }
        let path = request.uri().path();
        let place = path.find(PATH).and_then(|at| path.get(..at)).unwrap_or_default().to_owned();
        let peer = request.extensions().get().copied();
        Ok(Self { place, peer, request })
    }
}

/// Evaluates one flag.
pub(crate) async fn single_route(State(state): State<AppState>, mounted: Mounted) -> Evaluated<false> {
    Evaluated(answer(&state, mounted.peer, &mounted.place, mounted.request).await)
}

/// Evaluates all flags.
pub(crate) async fn bulk_route(State(state): State<AppState>, mounted: Mounted) -> Evaluated<true> {
    Evaluated(answer(&state, mounted.peer, &mounted.place, mounted.request).await)
}

impl Input for Mounted {
    fn describe(_: &mut Operation, _: &mut Schemas) {}
}

/// The answer to one question, or to that for all flags.
pub(crate) struct Evaluated<const ALL: bool>(Response);

impl<const ALL: bool> IntoResponse for Evaluated<ALL> {
    fn into_response(self) -> Response {
        self.0
    }
}

impl<const ALL: bool> Output for Evaluated<ALL> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        body::describe(operation);
        write::describe(operation, schemas, ALL);
        if !ALL {
            let key = serde_json::json!({"type": "string"});
            operation.parameter(
                "key",
                "path",
                true,
                "The flag's name, with its %-escapes; slashes need none",
                &key,
            );
        }
    }
}
