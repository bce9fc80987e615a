//! What surrounds every request, written once for the router and for the fast path of OFREP: the request's id
//! and span, the limits of its URL and its time, panics, the bodies of errors, metrics, and the line in the
//! log.

use std::{
    any::Any,
    panic::{self, AssertUnwindSafe},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt as _;
use tokio::time::timeout;
use tracing::{Instrument as _, Span};
use uuid::Uuid;

use crate::{
    app::{AppState, extract::check_url, progress::Progress},
    http::{error::ApiError, text::short, trace_context::trace_id},
};

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The middleware of every route but those of OFREP's evaluations, which use [`Exchange`] themselves.
pub(crate) async fn observe(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let method = short(request.method().as_str());
    let route = matched_route(&request);
    let uri = request.uri().clone();
    let exchange = Exchange::new(request.headers(), &method, &route);
    let (span, begun) = exchange.begin(&state, request.headers());
    let answer = |progress| {
        request.extensions_mut().insert(progress);
        next.run(request)
    };
    exchange.run(&state, begun, &uri, |error| error, answer).instrument(span).await
}

/// The pattern of the route, by which log lines can be counted, or the path if no route matches.
fn matched_route(request: &Request) -> String {
    let matched = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    matched.unwrap_or_else(|| short(request.uri().path()))
}

/// A request and its response.
pub(crate) struct Exchange<'a> {
    id: HeaderValue,
    started: Instant,
    method: &'a str,
    route: &'a str,
    /// Whether success is logged at level info, or only at level debug.
    logs_success: bool,
}

impl<'a> Exchange<'a> {
    pub(crate) fn new(headers: &HeaderMap, method: &'a str, route: &'a str) -> Self {
        Self { id: request_id(headers), started: Instant::now(), method, route, logs_success: true }
    }

    /// An evaluation. There are so many of them that success is only logged at level debug.
    pub(crate) fn evaluation(headers: &HeaderMap, route: &'a str) -> Self {
        Self { logs_success: false, ..Self::new(headers, "POST", route) }
    }

    fn id(&self) -> &str {
        // A request id is visible ASCII.
        self.id.to_str().unwrap_or_default()
    }

    /// The span around everything that is logged while the request is handled.
    ///
    /// # Errors
    /// The second value is an error if the hook of the options panics.
    pub(crate) fn begin(&self, state: &AppState, headers: &HeaderMap) -> (Span, Result<(), ApiError>) {
        let span = tracing::info_span!("request", request_id = self.id(), trace_id = tracing::field::Empty);
        if let Some(trace) = trace_id(headers) {
            span.record("trace_id", trace);
        }
        let begun = match &state.options().on_span {
            Some(hook) => panic::catch_unwind(AssertUnwindSafe(|| hook.call(&span, headers))),
            None => Ok(()),
        };
        (span, begun.map_err(|panic| panicked(&*panic)))
    }

    /// Handles the request. `shape` completes errors, including those of panics and timeouts.
    pub(crate) async fn run<A: Future<Output = Response>>(
        self,
        state: &AppState,
        begun: Result<(), ApiError>,
        uri: &Uri,
        shape: impl Fn(ApiError) -> ApiError,
        answer: impl FnOnce(Progress) -> A,
    ) -> Response {
        let answered = match begun.and_then(|()| check_url(uri, state.options().url_limit)) {
            Ok(()) => in_time(state, answer).await,
            Err(error) => Err(error),
        };
        let mut response = answered.unwrap_or_else(|error| shape(error).into_response());
        if let Some(error) = response.extensions_mut().remove::<ApiError>() {
            error.log(self.id());
            response = with_body(&error, &response, self.id());
        }
        self.record(state, &response);
        let headers = response.headers_mut();
        headers.insert(REQUEST_ID, self.id);
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if state.shutdown().has_begun() {
            // A further request on this connection could find it closed.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// Counts the response and logs it.
    fn record(&self, state: &AppState, response: &Response) {
        let (method, route, status, took) =
            (self.method, self.route, response.status(), self.started.elapsed());
        state.metrics().record(method, route, status, took);
        let failed = status.is_client_error() || status.is_server_error();
        let (id, status, seconds) = (self.id(), status.as_u16(), took.as_secs_f64());
        if self.logs_success {
            tracing::info!(method, route, status, seconds, "answered");
        } else if failed {
            tracing::info!(request_id = id, method, route, status, seconds, "answered");
        } else {
            tracing::debug!(request_id = id, method, route, status, seconds, "answered");
        }
    }
}

/// The response, or the error if it is late or the handler panics.
async fn in_time<A: Future<Output = Response>>(
    state: &AppState,
    answer: impl FnOnce(Progress) -> A,
) -> Result<Response, ApiError> {
    let (progress, limit) = (Progress::default(), state.options().request_timeout);
    let handle = async { answer(progress.clone()).await };
    // No handler leaves shared state half changed: what it locks recovers from poisoning, and snapshots are
    // immutable.
    match timeout(limit, AssertUnwindSafe(handle).catch_unwind()).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(panic)) => Err(panicked(&*panic)),
        Err(_) if progress.is_reading() => Err(ApiError::request_timeout(limit)),
        Err(_) => Err(ApiError::answer_timeout(limit)),
    }
}

/// The error for a panic, which is a defect in an activation or in novi.
fn panicked(panic: &(dyn Any + Send)) -> ApiError {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    ApiError::internal(format!("panic: {}", text.unwrap_or("without a message")))
}

/// The response with the body of its error. Other headers, such as `allow`, stay.
fn with_body(error: &ApiError, response: &Response, request_id: &str) -> Response {
    let mut rendered = error.render(request_id);
    for (name, value) in response.headers() {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            rendered.headers_mut().append(name, value.clone());
        }
    }
    rendered
}

/// The id that the client sent if it is acceptable, or a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    // The id is echoed and logged, so its length is limited.
    const LONGEST: usize = 128;
    let acceptable =
        |text: &[u8]| (1..=LONGEST).contains(&text.len()) && text.iter().all(u8::is_ascii_graphic);
    let sent = headers.get(REQUEST_ID).filter(|value| acceptable(value.as_bytes()));
    sent.cloned().unwrap_or_else(new_id)
}

/// A unique id: a random number of the process, and a counter. A random number for each request would cost
/// more than many an evaluation.
#[expect(clippy::cast_possible_truncation, reason = "digits are below 16")]
pub(crate) fn new_id() -> HeaderValue {
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

    use super::*;
    use crate::{
        app::{metrics::Metrics, shutdown::Shutdown},
        options::Options,
    };

    async fn text() -> &'static str {
        panic!("secret")
    }

    async fn string() -> &'static str {
        std::panic::panic_any("secret".to_owned())
    }

    async fn number() -> &'static str {
        std::panic::panic_any(7)
    }

    fn state() -> AppState {
        let flags = Flags::builder().keep_rows().from_rows(novi::rows::Rows::default()).unwrap();
        AppState::new(flags, Options::default(), Shutdown::default(), Metrics::new([]))
    }

    async fn assert_is_internal_error(response: Response) {
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = to_bytes(response.into_body(), 1000).await.unwrap();
        let text = std::str::from_utf8(&body).unwrap();
        assert!(!text.contains("secret") && text.contains("internal_error"), "{text}");
    }

    #[tokio::test]
    async fn panicking_handler_returns_500_without_the_panic_message() {
        let routes = [("/text", get(text)), ("/string", get(string)), ("/number", get(number))];
        let mut app = Router::new();
        for (path, route) in routes.clone() {
            app = app.route(path, route);
        }
        let app = app.layer(from_fn_with_state(state(), observe));
        for (path, _) in routes {
            let request = Request::get(path).body(Body::empty()).unwrap();
            assert_is_internal_error(app.clone().oneshot(request).await.unwrap()).await;
        }
    }

    #[tokio::test]
    async fn panicking_evaluation_returns_500_without_the_panic_message() {
        let exchange = Exchange::evaluation(&HeaderMap::new(), "/ofrep");
        let answer = |_| async { panic!("secret") };
        let response = exchange.run(&state(), Ok(()), &Uri::from_static("/"), |error| error, answer).await;
        assert_is_internal_error(response).await;
    }
}
