//! Evaluations over OFREP.

use std::borrow::Cow;

use axum::{
    BoxError,
    body::{Body, Bytes, HttpBody},
    http::{HeaderValue, Request, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use futures_util::FutureExt as _;
use novi::{Context, snapshot::Snapshot, store::token::Role};
use tracing::Instrument as _;

use crate::{
    app::{
        AppState,
        extract::{check_encoding, declares_json, is_json, read_body},
        observe::Exchange,
        progress::Progress,
    },
    auth::{access::Access, authorize, caller::Caller, rate_key},
    http::{error::ApiError, json::json_bytes, peer::Peer},
    ofrep::{etag, events, request::Evaluation, response, telemetry},
    toggles::apply::Toggles,
};

/// The route for all flags.
pub(crate) const PATH: &str = "/ofrep/v1/evaluate/flags";

/// The route for one flag.
pub(crate) const SINGLE_PATH: &str = "/ofrep/v1/evaluate/flags/{*key}";

/// An evaluation of more flags than this, or of fewer with a longer context, is large: it takes too long for
/// an async worker.
const LARGE: usize = 1000;

/// A context of this many bytes counts twice, one twice as long three times, and so on.
const LARGE_CONTEXT: usize = 1024;

/// About how many bytes a flag takes in a response.
const BYTES_PER_FLAG: usize = 128;

/// A response of more bytes than this takes part in the limit of memory.
const LARGE_RESPONSE: usize = 64 * 1024;

/// The header by which a request says whether its caller sees the result.
const EXPOSE: &str = "novi-expose";

/// Who may evaluate.
pub(crate) const ACCESS: Access = Access::Requires(Role::Client);

/// Handles a request to one of the two routes. `mount` is the path at which the router is mounted.
pub(crate) async fn evaluate<B>(
    state: &AppState,
    peer: Option<Peer>,
    mount: &str,
    request: Request<B>,
) -> Response
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let path = path.strip_prefix(mount).unwrap_or(path);
    // Some clients write a slash after the path for all flags.
    let raw_key = path.strip_prefix(PATH).unwrap_or_default().strip_prefix('/').filter(|key| !key.is_empty());
    let route = if raw_key.is_some() { SINGLE_PATH } else { PATH };
    let exchange = Exchange::evaluation(&parts.headers, route);
    // A span takes longer than the evaluation, so it is an option.
    let (span, begun) = if state.options().trace_evaluations {
        let (span, begun) = exchange.begin(state, &parts.headers);
        (Some(span), begun)
    } else {
        (None, Ok(()))
    };
    let request = EvaluationRequest { state, parts: &parts, peer, mount, raw_key };
    let shape = |error: ApiError| error.with_ofrep_fields(raw_key);
    let answer = async |progress| {
        let answered = request.answer(body, &progress).await;
        answered.unwrap_or_else(|error| shape(error).into_response())
    };
    let answered = exchange.run(state, begun, &parts.uri, shape, answer);
    match span {
        Some(span) => answered.instrument(span).await,
        None => answered.await,
    }
}

/// What is evaluated, and for whom.
#[derive(Clone, Copy)]
struct Asked<'a> {
    snapshot: &'a Snapshot,
    context: &'a Context<'a>,
    caller: &'a Caller,
}

struct EvaluationRequest<'a> {
    state: &'a AppState,
    parts: &'a Parts,
    peer: Option<Peer>,
    mount: &'a str,
    /// The key in the path, as it was sent.
    raw_key: Option<&'a str>,
}

impl EvaluationRequest<'_> {
    async fn answer<B>(&self, body: B, progress: &Progress) -> Result<Response, ApiError>
    where
        B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Unpin,
    {
        let Parts { headers, uri, .. } = self.parts;
        let caller = authorize(self.state, headers, uri, self.peer, ACCESS).await?;
        let key = self.raw_key.map(decode).transpose()?;
        let answered = self.answer_caller(&caller, key.as_deref(), body, progress).await;
        answered.map_err(|error| error.with_ofrep_fields(key.as_deref()))
    }

    async fn answer_caller<B>(
        &self,
        caller: &Caller,
        key: Option<&str>,
        body: B,
        progress: &Progress,
    ) -> Result<Response, ApiError>
    where
        B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Unpin,
    {
        let (flags, options, headers) = (self.state.flags(), self.state.options(), &self.parts.headers);
        check_encoding(headers)?;
        if !is_json(headers) {
            return Err(ApiError::media_type());
        }
        let body = read_body(body, headers, options.body_limit, progress).await?;
        if !body.is_empty() && !declares_json(headers) {
            return Err(ApiError::media_type());
        }
        if key.is_none() {
            self.state.events().catch_up(flags, self.parts.uri.query()).await;
        }
        let snapshot = flags.snapshot();
        let count = if key.is_none() { snapshot.flag_count() } else { 1 };
        let limits = &self.state.limits().evaluations;
        let rate_key = || rate_key(self.state, caller, headers, self.peer);
        let respond = || self.respond(&snapshot, caller, key, &body);
        let mut response = if count * (1 + body.len() / LARGE_CONTEXT) <= LARGE {
            let response = respond()?;
            if response.body().len() <= LARGE_RESPONSE {
                return Ok(response.map(Body::from));
            }
            response
        } else {
            let reserved = count * BYTES_PER_FLAG;
            let (response, memory) = limits.enter(rate_key(), reserved).await.run(respond);
            let response = response?;
            if response.body().len() <= reserved {
                return Ok(response.map(|bytes| memory.hold(bytes)));
            }
            response
        };
        // Values can have any size, which is only known now.
        loop {
            let size = response.body().len();
            if let Some(memory) = limits.memory(rate_key(), size).now_or_never() {
                return Ok(response.map(|bytes| memory.hold(bytes)));
            }
            // Nothing of the response is kept while it waits for its memory. It is made, and counted, again.
            drop(response);
            let (again, memory) = limits.enter(rate_key(), size).await.run(respond);
            response = again?;
            if response.body().len() <= size {
                return Ok(response.map(|bytes| memory.hold(bytes)));
            }
        }
    }

    /// Evaluates, in the toggles of the request if it has any.
    fn respond(
        &self,
        snapshot: &Snapshot,
        caller: &Caller,
        key: Option<&str>,
        body: &[u8],
    ) -> Result<Response<Bytes>, ApiError> {
        let (flags, options) = (self.state.flags(), self.state.options());
        let evaluation = Evaluation::parse(body, caller, flags, options)?;
        if options.require_targeting_key && !evaluation.has_targeting_key(flags) {
            return Err(ApiError::targeting_key_missing());
        }
        self.state.sample().offer(&evaluation.context, body.len());
        let asked = Asked { snapshot, context: &evaluation.context, caller };
        let respond = || match key {
            Some(key) => self.one(asked, key),
            None => self.all(asked, body),
        };
        let Some(toggles) = Toggles::of_request(self.state, &self.parts.headers, caller, snapshot)? else {
            return respond();
        };
        let mut response = toggles.within(respond)?;
        toggles.add_header(self.state, caller, response.headers_mut(), snapshot, &evaluation.context);
        Ok(response)
    }

    fn one(&self, asked: Asked<'_>, key: &str) -> Result<Response<Bytes>, ApiError> {
        let Asked { snapshot, context, caller } = asked;
        let decision = snapshot.decision(key, context).filter(|decision| caller.may_see(decision));
        let decision = decision.ok_or_else(|| ApiError::no_such_flag(key))?;
        if self.state.options().trace_evaluations {
            telemetry::evaluated(&decision);
        }
        match response::Error::of(&decision, context) {
            Some(response::Error::Broken) => return Err(ApiError::flag_broken(key)),
            Some(response::Error::NoValue) => return Err(ApiError::variant_without_value(key)),
            Some(response::Error::TargetingKeyMissing) => {
                return Err(ApiError::flag_needs_targeting_key(key));
            }
            None => {}
        }
        if self.state.options().record_exposures && !self.only_looks() {
            self.state.flags().record_exposure(&decision, context);
        }
        let mut body = Vec::with_capacity(192 + key.len());
        response::write_success(&mut body, &decision, snapshot.revision());
        Ok(json_bytes(StatusCode::OK, body))
    }

    /// Whether the request has the header `novi-expose`, with any value but `true`: what looks as a no records nothing.
    fn only_looks(&self) -> bool {
        self.parts.headers.get(EXPOSE).is_some_and(|value| !value.as_bytes().eq_ignore_ascii_case(b"true"))
    }

    fn all(&self, asked: Asked<'_>, request_body: &[u8]) -> Result<Response<Bytes>, ApiError> {
        let Asked { snapshot, caller, .. } = asked;
        let stream =
            events::address(self.state.events().key(), self.mount, snapshot.revision(), caller.token_id());
        let mut body = self.write_flags(asked)?;
        let etag = etag::etag(snapshot.revision(), request_body, &body, &stream);
        let etag = HeaderValue::from_maybe_shared(Bytes::from(etag));
        let etag = etag.map_err(|error| ApiError::internal(error.to_string()))?;
        let mut response = if etag::matches(&self.parts.headers, &etag) {
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        } else {
            response::write_end(&mut body, &stream, snapshot);
            json_bytes(StatusCode::OK, body)
        };
        response.headers_mut().insert(header::ETAG, etag);
        Ok(response)
    }

    /// The start of the body for all flags, up to the last flag.
    fn write_flags(&self, asked: Asked<'_>) -> Result<Vec<u8>, ApiError> {
        let Asked { snapshot, context, caller } = asked;
        let traced = self.state.options().trace_evaluations;
        let decisions = self.state.evaluate_all(snapshot, context)?;
        let mut body = Vec::with_capacity(256 + decisions.len() * BYTES_PER_FLAG);
        response::write_start(&mut body);
        for decision in decisions.iter().filter(|decision| caller.may_see(decision)) {
            if traced {
                telemetry::evaluated(decision);
            }
            let error = response::Error::of(decision, context);
            response::write_item(&mut body, decision, snapshot.revision(), error);
        }
        Ok(body)
    }
}

/// The percent-decoded key of a path.
fn decode(raw: &str) -> Result<Cow<'_, str>, ApiError> {
    if !raw.bytes().any(|byte| byte == b'%') {
        return Ok(Cow::Borrowed(raw));
    }
    percent_encoding::percent_decode_str(raw).decode_utf8().map_err(|_| ApiError::invalid_path())
}
