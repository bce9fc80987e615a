//! What surrounds every request: its id, its time, its line in the log, and the body of its error.

use std::{
    any::Any,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
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
    state::AppState,
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

pub(crate) async fn observe(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let (text, id) = request_id(request.headers());
    let span = tracing::info_span!("request", request_id = text);
    let observed = async {
        let started = Instant::now();
        let method = short(request.method().as_str());
        let route = route(&request);
        let mut response = in_time(&state, request, next).await;
        if let Some(error) = response.extensions_mut().remove::<ApiError>() {
            response = written(&error, &response, &text);
        }
        let headers = response.headers_mut();
        headers.insert(REQUEST_ID, id);
        if state.closing().has_begun() {
            // Whoever asks again over this connection might find it closed.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let (status, seconds) = (response.status().as_u16(), started.elapsed().as_secs_f64());
        tracing::info!(method, route, status, seconds, "answered");
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
    if let Some(inside) = &error.inside {
        if error.status.is_server_error() {
            tracing::error!(code = error.code, "{inside}");
        } else {
            tracing::debug!(code = error.code, "{inside}");
        }
    }
    let mut written = error.render(request_id);
    for (name, value) in response.headers() {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            written.headers_mut().append(name, value.clone());
        }
    }
    written
}

/// The request's own id if it can be one, else a new one.
fn request_id(headers: &HeaderMap) -> (String, HeaderValue) {
    // What is echoed and logged is no place for a caller's novel.
    const LONGEST: usize = 128;
    let sane = |text: &str| (1..=LONGEST).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    let given = headers.get(REQUEST_ID).and_then(|value| Some((value.to_str().ok()?, value)));
    if let Some((text, value)) = given.filter(|(text, _)| sane(text)) {
        return (text.to_owned(), value.clone());
    }
    let made = Uuid::new_v4().to_string();
    let value = HeaderValue::from_str(&made).unwrap_or(HeaderValue::from_static("none"));
    (made, value)
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
