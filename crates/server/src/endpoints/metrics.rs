//! `GET /metrics`: the metrics of this server, in the text format of Prometheus.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use novi::Flags;

use crate::{
    app::{
        AppState,
        metrics::text::{Kind, Text},
    },
    http::describe::{Operation, Output, Schemas},
};

/// The most combinations of flag, variant and reason that are counted separately. Prometheus keeps a series
/// for each, and a database may have a hundred thousand flags.
const MOST_SERIES: usize = 5_000;

/// The body of the response.
pub(crate) struct Exposition(String);

impl IntoResponse for Exposition {
    fn into_response(self) -> Response {
        let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        ([(header::CONTENT_TYPE, kind)], Body::from(self.0)).into_response()
    }
}

impl Output for Exposition {
    fn describe(operation: &mut Operation, _: &mut Schemas) {
        operation.other_response(200, "The text format of Prometheus, version 0.0.4", Some("text/plain"));
    }
}

pub(crate) async fn metrics(State(state): State<AppState>) -> Exposition {
    let mut text = Text::default();
    state.metrics().write(&mut text);
    write_evaluations(state.flags(), &mut text);
    write_state(&state, &mut text);
    Exposition(text.finish())
}

fn write_evaluations(flags: &Flags, text: &mut Text) {
    let mut evaluations = flags.evaluations();
    evaluations.sort_by(|one, other| {
        let key = |one: &novi::snapshot::Evaluations| {
            (one.flag.clone(), one.variant.clone(), one.reason, one.enabled)
        };
        key(one).cmp(&key(other))
    });
    text.family("novi_evaluations_total", Kind::Counter, "Evaluations of flags in this process.");
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
    let help = "Evaluations that are not in novi_evaluations_total, because there are too many flags.";
    text.family("novi_other_evaluations_total", Kind::Counter, help);
    text.sample("novi_other_evaluations_total", &[], rest.iter().map(|one| one.count).sum::<u64>());
    let help = "Evaluations of flags that do not exist.";
    text.family("novi_unknown_flag_evaluations_total", Kind::Counter, help);
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
        gauge("novi_revision", "The revision of the current snapshot.", snapshot.revision().number() as f64);
        gauge("novi_flags", "Flags in the current snapshot.", snapshot.flag_names().count() as f64);
        gauge("novi_issues", "Invalid rows in the current snapshot.", snapshot.issue_count() as f64);
        gauge("novi_event_streams", "Open event streams.", state.events().open() as f64);
    }
    if let Some(age) = status.age {
        let help =
            "Time since the database last confirmed the revision, or since the snapshot file was written.";
        gauge("novi_snapshot_age_seconds", help, age.as_secs_f64());
    }
    let help = "Whether the last query to the database succeeded.";
    gauge("novi_database_up", help, f64::from(status.failure.is_none()));
    let help = "Whether the server is shutting down.";
    gauge("novi_shutting_down", help, f64::from(state.shutdown().has_begun()));
    let help = "Exposures of units, by what became of them.";
    text.family("novi_exposures_total", Kind::Counter, help);
    let exposures = status.exposures;
    for (result, number) in [
        ("written", exposures.written),
        ("dropped", exposures.dropped),
        ("without_unit", exposures.without_unit),
        ("invalid_unit", exposures.invalid_unit),
    ] {
        text.sample("novi_exposures_total", &[("result", result)], number);
    }
    text.family("novi_exposures_waiting", Kind::Gauge, "Exposures that wait for the database.");
    text.sample("novi_exposures_waiting", &[], exposures.waiting);
    let help = "Failed queries for changes.";
    text.family("novi_database_errors_total", Kind::Counter, help);
    text.sample("novi_database_errors_total", &[], status.failures);
    text.family("novi_build_info", Kind::Gauge, "The version of novi.");
    text.sample("novi_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1_u64);
}
