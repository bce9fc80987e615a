//! Experiments and their reports, as the API returns them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use novi_experiments::charts::Lift;
use serde::Deserialize;

/// An experiment of `GET /api/experiments`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Experiment {
    pub(super) name: String,
    pub(super) id: i64,
    pub(super) version: i64,
    pub(super) flags: Vec<String>,
    /// Empty if the config is invalid.
    #[serde(deserialize_with = "or_default")]
    pub(super) state: String,
    pub(super) problem: Option<String>,
    pub(super) hypothesis: Option<String>,
    pub(super) owner: Option<String>,
    pub(super) unit: Vec<String>,
    pub(super) variants: Vec<Variant>,
    pub(super) control: Option<String>,
    pub(super) units: Option<i64>,
    pub(super) traffic: Option<f64>,
    pub(super) layer: Option<Layer>,
    pub(super) holdout: Option<Holdout>,
    pub(super) metrics: Metrics,
    pub(super) start: Option<DateTime<Utc>>,
    pub(super) end: Option<DateTime<Utc>>,
    pub(super) stopped: Option<DateTime<Utc>>,
    pub(super) decision: Option<Decision>,
}

impl Experiment {
    /// When its state began, as far as the row says.
    pub(super) fn since(&self) -> Option<DateTime<Utc>> {
        match self.state.as_str() {
            "decided" => self.decision.as_ref()?.at.as_ref()?.parse().ok(),
            "stopped" => self.stopped,
            _ => self.start,
        }
    }

    /// Whether it runs, but enrolls no units before its start.
    pub(crate) fn is_scheduled(&self) -> bool {
        self.state == "running" && self.start.is_some_and(|start| start > Utc::now())
    }

    /// The steps that it can take next, with what their buttons say.
    pub(super) fn steps(&self) -> &'static [(&'static str, &'static str)] {
        match self.state.as_str() {
            "draft" => &[("start", "Start")],
            "running" => &[("decide", "Decide"), ("stop", "Stop")],
            "stopped" => &[("decide", "Decide"), ("start", "Start again")],
            _ => &[],
        }
    }
}

fn or_default<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_field_names, reason = "the names of the API")]
pub(super) struct Variant {
    pub(super) variant: String,
    pub(super) weight: f64,
    pub(super) units: Option<i64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Layer {
    pub(super) name: String,
    pub(super) from: f64,
    pub(super) to: f64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Holdout {
    pub(super) name: String,
    pub(super) percentage: f64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Metrics {
    pub(super) primary: Vec<String>,
    pub(super) guardrails: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Decision {
    pub(super) variant: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) at: Option<String>,
}

/// What an experiment says, of `GET /api/experiments/{name}`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Report {
    pub(super) from: DateTime<Utc>,
    pub(super) until: DateTime<Utc>,
    pub(super) control: String,
    pub(super) units: BTreeMap<String, i64>,
    pub(super) days: Vec<Day>,
    pub(super) sample_ratio: Option<SampleRatio>,
    pub(super) alpha: f64,
    pub(super) metrics: Vec<Metric>,
    pub(super) warnings: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Day {
    /// `2026-11-28`
    pub(super) day: String,
    pub(super) units: BTreeMap<String, i64>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct SampleRatio {
    pub(super) weights: BTreeMap<String, f64>,
    pub(super) p: f64,
    pub(super) is_broken: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Metric {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) kind: serde_json::Value,
    pub(super) guardrail: bool,
    pub(super) query: String,
    pub(super) problem: Option<String>,
    pub(super) warnings: Vec<String>,
    /// JSON has null for numbers that are not finite.
    pub(super) values: BTreeMap<String, Option<f64>>,
    pub(super) variants: Vec<Compared>,
    pub(super) steps: Vec<Step>,
}

/// A step of a funnel.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_field_names, reason = "the names of the API")]
pub(super) struct Step {
    pub(super) step: String,
    pub(super) units: BTreeMap<String, i64>,
    pub(super) values: BTreeMap<String, Option<f64>>,
}

/// A variant, compared with the control.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Compared {
    pub(super) variant: String,
    pub(super) problem: Option<String>,
    pub(super) difference: Option<Interval>,
    pub(super) lift: Option<Interval>,
    pub(super) p: Option<f64>,
    pub(super) p_adjusted: Option<f64>,
    pub(super) chance_to_win: Option<f64>,
    pub(super) verdict: String,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the names of the API")]
pub(super) struct Interval {
    pub(super) estimate: Option<f64>,
    pub(super) interval: [Option<f64>; 2],
    pub(super) interval_at_any_time: [Option<f64>; 2],
}

impl Interval {
    /// The lift of a variant, for a chart.
    pub(super) fn drawn<'a>(&self, class: &'a str, variant: &'a str) -> Lift<'a> {
        let Self { estimate, interval, interval_at_any_time: at_any_time } = *self;
        Lift { class, variant, estimate, interval, at_any_time }
    }
}

/// Both ends of an interval.
pub(super) fn ends([low, high]: [Option<f64>; 2], show: fn(Option<f64>) -> String) -> String {
    format!("{} to {}", show(low), show(high))
}
