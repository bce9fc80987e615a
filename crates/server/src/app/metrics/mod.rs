//! The metrics of requests.

pub(crate) mod latency;
pub(crate) mod text;

use std::time::Duration;

use axum::http::{Method, StatusCode};

use crate::app::metrics::{
    latency::Latency,
    text::{Kind, Text},
};

/// The durations of requests by route and class of status.
pub(crate) struct Metrics {
    routes: Vec<Route>,
    /// Requests that match no route.
    other: Route,
}

/// A route, as metrics label it.
pub(crate) struct Route {
    method: String,
    pattern: &'static str,
    /// By the first digit of the status, from 2 on.
    latencies: [Latency; 4],
}

impl Route {
    pub(crate) fn new(method: &Method, pattern: &'static str) -> Self {
        Self { method: method.to_string(), pattern, latencies: Default::default() }
    }

    fn record(&self, status: StatusCode, took: Duration) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(2);
        if let Some(latency) = self.latencies.get(class) {
            latency.record(took);
        }
    }
}

impl Metrics {
    pub(crate) fn new(routes: impl IntoIterator<Item = Route>) -> Self {
        let other = Route { method: "-".to_owned(), pattern: "-", latencies: Default::default() };
        Self { routes: routes.into_iter().collect(), other }
    }

    /// Counts a response.
    pub(crate) fn record(&self, method: &str, pattern: &str, status: StatusCode, took: Duration) {
        let matches = |route: &&Route| route.pattern == pattern && route.method == method;
        self.routes.iter().find(matches).unwrap_or(&self.other).record(status, took);
    }

    pub(crate) fn write(&self, text: &mut Text) {
        let help = "Time from the end of the request's head to the start of the response.";
        text.family("novi_http_request_duration_seconds", Kind::Histogram, help);
        for route in self.routes.iter().chain([&self.other]) {
            for (class, latency) in ["2xx", "3xx", "4xx", "5xx"].iter().zip(&route.latencies) {
                let labels =
                    [("method", route.method.as_str()), ("route", route.pattern), ("status", *class)];
                latency.write(text, "novi_http_request_duration_seconds", &labels);
            }
        }
    }
}
