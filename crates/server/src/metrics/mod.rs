//! `GET /metrics`: what this server has done and how it is, in the text format of Prometheus.

mod latency;
mod text;

use std::time::Duration;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use novi::Flags;

use self::{
    latency::Latency,
    text::{Kind, Text},
};
use crate::{
    endpoint::Endpoint,
    openapi::{Operation, Output, Schemas},
    state::AppState,
};

/// So many combinations of flag, variant and reason are told apart; the rest is counted together. Each is a series that
/// Prometheus keeps, and a database may have a hundred thousand flags.
const MOST_SERIES: usize = 5_000;

/// What is counted of requests.
pub(crate) struct Metrics {
    routes: Vec<Route>,
    /// Of what has no route.
    other: Route,
}

struct Route {
    method: String,
    path: &'static str,
    /// By the first digit of the status, from 2 on.
    latencies: [Latency; 4],
}

impl Route {
    fn new(method: String, path: &'static str) -> Self {
        Self { method, path, latencies: Default::default() }
    }

    fn record(&self, status: StatusCode, took: Duration) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(2);
        if let Some(latency) = self.latencies.get(class) {
            latency.record(took);
        }
    }
}

impl Metrics {
    pub(crate) fn new(endpoints: &[Endpoint]) -> Self {
        let route = |endpoint: &Endpoint| Route::new(endpoint.method.to_string(), endpoint.path);
        Self { routes: endpoints.iter().map(route).collect(), other: Route::new("-".to_owned(), "-") }
    }

    /// Where a route is in the list; the end of it for one that is not there.
    pub(crate) fn place(&self, method: &str, path: &str) -> usize {
        let is_it = |route: &Route| route.path == path && route.method == method;
        self.routes.iter().position(is_it).unwrap_or(self.routes.len())
    }

    /// Counts an answer.
    pub(crate) fn record(&self, place: usize, status: StatusCode, took: Duration) {
        self.routes.get(place).unwrap_or(&self.other).record(status, took);
    }

    fn write_requests(&self, text: &mut Text) {
        let help = "How long requests took, from the end of their heads to the beginnings of their answers.";
        text.family("novi_http_request_duration_seconds", Kind::Histogram, help);
        for route in self.routes.iter().chain([&self.other]) {
            for (class, latency) in ["2xx", "3xx", "4xx", "5xx"].iter().zip(&route.latencies) {
                let labels = [("method", route.method.as_str()), ("route", route.path), ("status", *class)];
                latency.write(text, "novi_http_request_duration_seconds", &labels);
            }
        }
    }
}

fn write_evaluations(flags: &Flags, text: &mut Text) {
    let mut evaluations = flags.evaluations();
    evaluations.sort_by(|one, other| {
        let key = |one: &novi::Evaluations| (one.flag.clone(), one.variant.clone(), one.reason, one.enabled);
        key(one).cmp(&key(other))
    });
    text.family("novi_evaluations_total", Kind::Counter, "How often flags were evaluated in this process.");
    let rest = evaluations.split_off(MOST_SERIES.min(evaluations.len()));
    for evaluation in &evaluations {
        let labels = [
            ("flag", evaluation.flag.as_str()),
            ("variant", evaluation.variant.as_deref().unwrap_or_default()),
            ("reason", evaluation.reason.as_str()),
            ("enabled", if evaluation.enabled { "true" } else { "false" }),
        ];
        text.sample("novi_evaluations_total", &labels, evaluation.count);
    }
    let help =
        "Evaluations that novi_evaluations_total has not, since there are too many flags to tell all apart.";
    text.family("novi_other_evaluations_total", Kind::Counter, help);
    text.sample("novi_other_evaluations_total", &[], rest.iter().map(|one| one.count).sum::<u64>());
    text.family(
        "novi_unknown_flag_evaluations_total",
        Kind::Counter,
        "How often code asked for flags that do not exist.",
    );
    text.sample("novi_unknown_flag_evaluations_total", &[], flags.unknown_flags().values().sum::<u64>());
}

fn write_state(state: &AppState, text: &mut Text) {
    let (status, snapshot) = (state.flags().status(), state.flags().snapshot());
    let mut gauge = |name: &'static str, help: &str, value: f64| {
        text.family(name, Kind::Gauge, help);
        text.sample(name, &[], value);
    };
    #[expect(clippy::cast_precision_loss, reason = "Prometheus has floats")]
    {
        gauge(
            "novi_revision",
            "The revision of the rows that flags answer by.",
            snapshot.revision().number() as f64,
        );
        gauge("novi_flags", "How many flags there are.", snapshot.flag_names().count() as f64);
        gauge("novi_issues", "How many rows do not compile.", snapshot.issues().len() as f64);
        gauge("novi_event_streams", "How many event streams are open.", state.events().open() as f64);
    }
    if let Some(age) = status.age {
        let help = "How long ago the database last confirmed the revision, or the snapshot file was written.";
        gauge("novi_snapshot_age_seconds", help, age.as_secs_f64());
    }
    gauge(
        "novi_database_up",
        "Whether the database answered when it was last asked.",
        f64::from(status.failure.is_none()),
    );
    gauge(
        "novi_shutting_down",
        "Whether the server is about to end.",
        f64::from(state.closing().has_begun()),
    );
    text.family(
        "novi_database_errors_total",
        Kind::Counter,
        "How often the database failed when it was asked for changes.",
    );
    text.sample("novi_database_errors_total", &[], status.failures);
    text.family("novi_build_info", Kind::Gauge, "The version of novi.");
    text.sample("novi_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1_u64);
}

/// The text.
pub(crate) struct Exposition(String);

impl IntoResponse for Exposition {
    fn into_response(self) -> Response {
        let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        ([(header::CONTENT_TYPE, kind)], Body::from(self.0)).into_response()
    }
}

impl Output for Exposition {
    fn describe(operation: &mut Operation, _: &mut Schemas) {
        operation.other_answer(200, "The text format of Prometheus, version 0.0.4", Some("text/plain"));
    }
}

pub(crate) async fn metrics(State(state): State<AppState>) -> Exposition {
    let mut text = Text::default();
    state.metrics().write_requests(&mut text);
    write_evaluations(state.flags(), &mut text);
    write_state(&state, &mut text);
    Exposition(text.finish())
}
