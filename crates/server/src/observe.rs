//! What surrounds every request: its id, its time, its line in the log, and the body of its error.

use std::{
    any::Any,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::time::timeout;
use tracing::Instrument;
use uuid::Uuid;

use crate::{
    error::{ApiError, short},
    extract::check_url,
    ofrep,
    state::AppState,
    trace_context::trace_id,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How far a request is: when its time is up, this tells who was late.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    reading: Arc<AtomicBool>,
}

impl Progress {
    pub(crate) fn reading(&self, reading: bool) {
        self.reading.store(reading, Ordering::Release);
    }

    fn is_reading(&self) -> bool {
        self.reading.load(Ordering::Acquire)
    }
}

/// A request, with what its answer and its line in the log say of it.
pub(crate) struct Arrival {
    id: HeaderValue,
    started: Instant,
}

impl Arrival {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        Self { id: request_id(headers), started: Instant::now() }
    }

    /// The request's id.
    pub(crate) fn id(&self) -> &str {
        // It is made of visible ASCII.
        self.id.to_str().unwrap_or_default()
    }

    /// The span around all that is logged of the request.
    pub(crate) fn span(&self, state: &AppState, headers: &HeaderMap) -> tracing::Span {
        let span = tracing::info_span!("request", request_id = self.id(), trace_id = tracing::field::Empty);
        if let Some(trace) = trace_id(headers) {
            span.record("trace_id", trace);
        }
        if let Some(begin) = &state.options().on_span {
            begin.0(&span, headers);
        }
        span
    }

    /// The answer to a question for one flag or for all, with what stands on every answer. There are very many of them, so that
    /// only those that failed are told by default.
    pub(crate) fn answered(self, state: &AppState, one: bool, mut response: Response) -> Response {
        let (status, took) = (response.status(), self.started.elapsed());
        state.metrics().record(state.place_of_evaluation(one), status, took);
        let failed = status.is_client_error() || status.is_server_error();
        if failed || tracing::enabled!(tracing::Level::DEBUG) {
            let route = if one { ofrep::SINGLE_PATH } else { ofrep::PATH };
            let (id, status, seconds) = (self.id(), status.as_u16(), took.as_secs_f64());
            if failed {
                tracing::info!(request_id = id, method = "POST", route, status, seconds, "answered");
            } else {
                tracing::debug!(request_id = id, method = "POST", route, status, seconds, "answered");
            }
        }
        self.mark(state, &mut response);
        response
    }

    /// What stands on every answer.
    fn mark(self, state: &AppState, response: &mut Response) {
        let headers = response.headers_mut();
        headers.insert(REQUEST_ID, self.id);
        if state.closing().has_begun() {
            // Whoever asks again over this connection might find it closed.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

pub(crate) async fn observe(State(state): State<AppState>, request: Request, next: Next) -> Response {
    if ofrep::is_evaluation(request.method(), request.uri().path()) {
        // It sees to all this itself.
        return next.run(request).await;
    }
    let arrival = Arrival::of(request.headers());
    let span = arrival.span(&state, request.headers());
    let observed = async {
        let method = short(request.method().as_str());
        let route = route(&request);
        let mut response = match check_url(request.uri(), state.options().url_limit) {
            Ok(()) => in_time(&state, request, next).await,
            Err(error) => error.into_response(),
        };
        if let Some(error) = response.extensions_mut().remove::<ApiError>() {
            error.log(arrival.id());
            response = written(&error, &response, arrival.id());
        }
        let took = arrival.started.elapsed();
        state.metrics().record(state.metrics().place(&method, &route), response.status(), took);
        let (status, seconds) = (response.status().as_u16(), took.as_secs_f64());
        tracing::info!(method, route, status, seconds, "answered");
        arrival.mark(&state, &mut response);
        response
    };
    observed.instrument(span).await
}

/// The answer to a panic, which is a defect in an activation or in novi.
#[expect(clippy::needless_pass_by_value, reason = "the layer calls it so")]
pub(crate) fn caught(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    ApiError::internal(format!("panic: {}", text.unwrap_or("without a message"))).into_response()
}

async fn in_time(state: &AppState, mut request: Request, next: Next) -> Response {
    let progress = Progress::default();
    request.extensions_mut().insert(progress.clone());
    let limit = state.options().request_timeout;
    match timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) if progress.is_reading() => ApiError::request_timeout(limit).into_response(),
        Err(_) => ApiError::answer_timeout(limit).into_response(),
    }
}

/// The response with the body of its error; other headers, such as `allow`, stay.
fn written(error: &ApiError, response: &Response, request_id: &str) -> Response {
    let mut written = error.render(request_id);
    for (name, value) in response.headers() {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            written.headers_mut().append(name, value.clone());
        }
    }
    written
}

/// The request's own id if it can be one, else a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    // What is echoed and logged is no place for a caller's novel.
    const LONGEST: usize = 128;
    let sane = |text: &[u8]| (1..=LONGEST).contains(&text.len()) && text.iter().all(u8::is_ascii_graphic);
    let given = headers.get(REQUEST_ID).filter(|value| sane(value.as_bytes()));
    given.cloned().unwrap_or_else(new_id)
}

/// An id that no other request has: what tells this process from others, and a number. Counted, since to draw each one costs
/// more than many an evaluation.
#[expect(clippy::cast_possible_truncation, reason = "digits are below 16")]
fn new_id() -> HeaderValue {
    static PROCESS: LazyLock<u64> = LazyLock::new(|| {
        let (high, low) = Uuid::new_v4().as_u64_pair();
        high ^ low
    });
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let mut text = [0; 32];
    for (place, digit) in text.iter_mut().enumerate() {
        let half = if place < 16 { *PROCESS } else { number };
        *digit = match half >> (60 - place % 16 * 4) & 15 {
            value @ 0..10 => b'0' + value as u8,
            value => b'a' - 10 + value as u8,
        };
    }
    HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static("none"))
}

/// What was asked for: the pattern of the route, so that lines can be counted by it, or the path where there is none.
fn route(request: &Request) -> String {
    let matched = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    matched.unwrap_or_else(|| short(request.uri().path()))
}

#[cfg(test)]
mod tests {
    use axum::{
        Router,
        body::{Body, to_bytes},
        http::StatusCode,
        middleware::from_fn_with_state,
        routing::get,
    };
    use novi::Flags;
    use tower::ServiceExt as _;
    use tower_http::catch_panic::CatchPanicLayer;

    use super::*;
    use crate::{Options, state::Closing};

    async fn text() -> &'static str {
        panic!("secret")
    }

    async fn string() -> &'static str {
        std::panic::panic_any("secret".to_owned())
    }

    async fn number() -> &'static str {
        std::panic::panic_any(7)
    }

    #[tokio::test]
    async fn a_panic_is_a_500_that_keeps_its_message_to_itself() {
        let flags = Flags::builder().keep_rows().from_rows(novi::rows::Rows::default()).unwrap();
        let state = AppState::new(flags, Options::default(), Closing::default());
        let routes = [("/text", get(text)), ("/string", get(string)), ("/number", get(number))];
        let mut app = Router::new();
        for (path, route) in routes.clone() {
            app = app.route(path, route);
        }
        let app = app.layer(CatchPanicLayer::custom(caught)).layer(from_fn_with_state(state, observe));
        for (path, _) in routes {
            let response =
                app.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
            let body = to_bytes(response.into_body(), 1000).await.unwrap();
            let text = std::str::from_utf8(&body).unwrap();
            assert!(!text.contains("secret") && text.contains("internal_error"), "{path}: {text}");
        }
    }
}
