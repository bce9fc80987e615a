//! The config of an experiment.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    builtin::{
        audience::attribute_names::AttributeNames,
        rollout::{split::Weights, sticky::HashName},
        time::clock::{Pass, instant},
    },
    context::TARGETING_KEY,
};

/// Compares the variants of a flag: units are drawn, recorded and keep their variant while it runs.
///
/// ```sql
/// INSERT INTO flags (id, name, status) VALUES (350, 'Pages of the checkout', true);
/// INSERT INTO activations (id, name, class_name, config) VALUES
///     (350, 'One-page checkout', 'novi.experiment', '{"hypothesis": "One page sells more",
///         "variants": {"pages": 50, "one-page": 50}, "control": "pages", "traffic": 20, "start": "2026-12-01",
///         "holdout": {"name": "2026", "percentage": 5}, "metrics": {"primary": ["revenue"]}, "state": "running"}');
/// INSERT INTO flags_activations (flag_id, activation_id) VALUES (350, 350);
/// ```
///
/// The name of the row is that of the experiment, in records of exposures as well: do not rename it while it runs.
/// [docs/experiments.md](../experiments.md) has the commands that make such rows and change their state.
///
/// | state | what callers get |
/// |---|---|
/// | `draft` | the variant `control` |
/// | `running` | their variant, if they are enrolled; otherwise `control` |
/// | `stopped` | `control` |
/// | `decided` | the variant of `decision`, or the activation is off |
///
/// A caller is **enrolled** from `start` to before `end`, if it has a unit, the holdout does not keep it out, its
/// bucket is in the range of the layer, and it is a part of the traffic. A unit that was recorded keeps its variant
/// until the experiment ends, although weights, traffic, layer, holdout or salt change. Exposures of callers that
/// are not enrolled are not recorded, so that the control group is as large as its weight says.
///
/// **Layers.** The experiments of a layer divide the units among them: two of them whose ranges do not overlap never
/// enroll the same unit. **Holdouts** are units that no experiment with the holdout enrolls, so that the effect of all
/// of them together can be measured. The buckets of layers and holdouts are hashes of their names and the unit, and
/// independent of each other and of the draw.
///
/// **Hash.** Variants are drawn by `hash`. With `"hash": "sha256"`, [`novi sql`](../how-to/flags-in-sql.md) states a
/// running experiment as well. Layers, holdouts and traffic are drawn by murmur3 if `hash` is murmur3, and by SHA-256
/// otherwise. So experiments that share a layer or a holdout need either murmur3, all of them, or other hashes.
///
/// The time is the attribute `currentDateTime` if the caller has it, otherwise the clock. Variants are drawn as
/// `novi.split` draws them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// What the experiment is expected to show
    #[serde(default)]
    #[schemars(extend("x-novi-order" = 1, "x-novi-main" = true))]
    pub(super) hypothesis: Option<String>,
    /// Who answers questions about it
    #[serde(default)]
    pub(super) owner: Option<String>,
    /// The variants with their weights, which are relative and not negative
    #[schemars(extend("x-novi-order" = 3))]
    pub(super) variants: Weights,
    /// The variant that the others are compared with
    #[schemars(extend("x-novi-order" = 4))]
    pub(super) control: String,
    /// Attribute that identifies the units. A list is tried in order. Default: `targetingKey`
    #[serde(default)]
    pub(super) unit: Option<AttributeNames>,
    /// Hash salt. Default: the name of the row
    #[serde(default)]
    pub(super) salt: Option<String>,
    /// The hash: murmur3, or that of another system
    #[serde(default)]
    pub(super) hash: HashName,
    /// The percentage of units that are enrolled, from 0 to 100. Default: 100
    #[serde(default)]
    #[schemars(range(min = 0, max = 100), extend("default" = 100, "x-novi-input" = "percentage", "x-novi-order" = 5, "x-novi-main" = true))]
    pub(super) traffic: Option<f64>,
    /// The range of a layer whose units are enrolled
    #[serde(default)]
    pub(super) layer: Option<Layer>,
    /// Units that are never enrolled
    #[serde(default)]
    pub(super) holdout: Option<Holdout>,
    /// The start: a date, a time like 2026-12-31T18:00, or one in RFC 3339. Default: none
    #[serde(default)]
    #[schemars(extend("x-novi-input" = "time", "x-novi-order" = 6))]
    pub(super) start: Option<String>,
    /// The end, exclusive. Default: none
    #[serde(default)]
    #[schemars(extend("x-novi-input" = "time", "x-novi-order" = 7))]
    pub(super) end: Option<String>,
    /// The IANA time zone of times without an offset, such as Europe/Berlin. Default: UTC
    #[serde(default)]
    #[schemars(extend("x-novi-input" = "timezone", "x-novi-order" = 8))]
    pub(super) timezone: Option<String>,
    /// The names of the metrics that decide
    #[serde(default)]
    #[schemars(extend("x-novi-order" = 2, "x-novi-main" = true))]
    pub(super) metrics: Option<ExperimentMetrics>,
    /// The state. Default: `draft`
    #[serde(default)]
    pub(super) state: ExperimentState,
    /// When the experiment was stopped, or decided while it ran
    #[serde(default)]
    #[schemars(extend("x-novi-input" = "time", "x-novi-main" = false))]
    pub(super) stopped: Option<String>,
    /// The decision; only in the state `decided`
    #[serde(default)]
    pub(super) decision: Option<ExperimentDecision>,
}

/// A part of a layer: a range of its buckets, in percent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Layer {
    /// The name, which the experiments of a layer share
    #[schemars(extend("x-novi-order" = 1))]
    pub name: String,
    /// The start of the range, from 0 to 100
    #[schemars(range(min = 0, max = 100), extend("x-novi-order" = 2))]
    pub from: f64,
    /// The end of the range, exclusive
    #[schemars(range(min = 0, max = 100), extend("x-novi-order" = 3))]
    pub to: f64,
}

impl Layer {
    /// A range of a layer.
    pub fn new(name: impl Into<String>, from: f64, to: f64) -> Self {
        Self { name: name.into(), from, to }
    }
}

/// Units that no experiment with this holdout enrolls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Holdout {
    /// The name, which experiments share
    pub name: String,
    /// The percentage of units, from 0 to 100
    #[schemars(range(min = 0, max = 100), extend("x-novi-input" = "percentage"))]
    pub percentage: f64,
}

impl Holdout {
    /// A holdout of so many percent of the units.
    pub fn new(name: impl Into<String>, percentage: f64) -> Self {
        Self { name: name.into(), percentage }
    }
}

/// The metrics of an experiment: names of files in the folder of metrics, or of rows of `novi.metric`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct ExperimentMetrics {
    /// Metrics that the experiment should improve
    #[schemars(extend("x-novi-input" = "metric"))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-novi-order" = 1))]
    pub primary: Vec<String>,
    /// Metrics that must not get worse
    #[schemars(extend("x-novi-input" = "metric"))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-novi-order" = 2))]
    pub guardrails: Vec<String>,
}

impl ExperimentMetrics {
    /// Metrics with these names.
    #[must_use]
    pub fn new(primary: Vec<String>, guardrails: Vec<String>) -> Self {
        Self { primary, guardrails }
    }
}

/// The state of an experiment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum ExperimentState {
    /// It has not started.
    #[default]
    Draft,
    /// It enrolls units.
    Running,
    /// It enrolls no units, and nothing is decided yet.
    Stopped,
    /// It has ended, with a decision.
    Decided,
}

impl ExperimentState {
    /// The name in configs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Decided => "decided",
        }
    }
}

/// The decision that ends an experiment: a variant for all callers, or off.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ExperimentDecision {
    /// The variant that all callers get
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-novi-order" = 1))]
    pub variant: Option<String>,
    /// Whether the activation is off instead. Default: false
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[schemars(extend("x-novi-order" = 2))]
    pub off: bool,
    /// Why it was decided so
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-novi-order" = 3))]
    pub reason: Option<String>,
    /// When it was decided
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-novi-input" = "time", "x-novi-order" = 4))]
    pub at: Option<String>,
}

impl ExperimentDecision {
    /// A variant for all callers, or off if there is none.
    #[must_use]
    pub fn new(variant: Option<String>, reason: Option<String>, at: DateTime<Utc>) -> Self {
        let at = Some(at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
        Self { off: variant.is_none(), variant, reason, at }
    }
}

/// The config of a row of `novi.experiment`, for programs that plan, list or analyze experiments.
#[derive(Clone, Debug)]
pub struct ExperimentConfig(Config);

impl ExperimentConfig {
    /// Reads the config of a row. Its values may be invalid, which compiling the row finds.
    ///
    /// # Errors
    /// If the JSON is not that of an experiment.
    pub fn parse(config: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(config).map(Self)
    }

    /// What the experiment is expected to show.
    #[must_use]
    pub fn hypothesis(&self) -> Option<&str> {
        self.0.hypothesis.as_deref()
    }

    /// Who answers questions about it.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        self.0.owner.as_deref()
    }

    /// The hash by which layers, holdouts and traffic are drawn: `murmur3` or `sha256`.
    #[must_use]
    pub fn enrollment_hash(&self) -> &'static str {
        if self.0.enrolls_by_sha256() { "sha256" } else { "murmur3" }
    }

    /// The attributes that identify the units, of which the first one that a caller has counts.
    #[must_use]
    pub fn unit(&self) -> Vec<&str> {
        match &self.0.unit {
            None => vec![TARGETING_KEY],
            Some(names) => names.names().iter().map(|name| &**name).collect(),
        }
    }

    /// The variants with their weights.
    #[must_use]
    pub fn variants(&self) -> &[(String, f64)] {
        &self.0.variants.0
    }

    /// The variant that the others are compared with.
    #[must_use]
    pub fn control(&self) -> &str {
        &self.0.control
    }

    /// The percentage of units that are enrolled.
    #[must_use]
    pub fn traffic(&self) -> f64 {
        self.0.traffic.unwrap_or(100.0)
    }

    /// The range of a layer.
    #[must_use]
    pub fn layer(&self) -> Option<&Layer> {
        self.0.layer.as_ref()
    }

    /// Units that are never enrolled.
    #[must_use]
    pub fn holdout(&self) -> Option<&Holdout> {
        self.0.holdout.as_ref()
    }

    /// The metrics that decide.
    #[must_use]
    pub fn metrics(&self) -> ExperimentMetrics {
        self.0.metrics.clone().unwrap_or_default()
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> ExperimentState {
        self.0.state
    }

    /// The decision.
    #[must_use]
    pub fn decision(&self) -> Option<&ExperimentDecision> {
        self.0.decision.as_ref()
    }

    /// The start of the window.
    #[must_use]
    pub fn start(&self) -> Option<DateTime<Utc>> {
        self.0.time(self.0.start.as_deref(), Pass::First)
    }

    /// The planned end of the window.
    #[must_use]
    pub fn end(&self) -> Option<DateTime<Utc>> {
        self.0.time(self.0.end.as_deref(), Pass::Last)
    }

    /// When it was stopped, or decided while it ran.
    #[must_use]
    pub fn stopped(&self) -> Option<DateTime<Utc>> {
        self.0.time(self.0.stopped.as_deref(), Pass::Last)
    }

    /// When it ended or will end: the earlier one of the end and the time at which it was stopped.
    #[must_use]
    pub fn ended(&self) -> Option<DateTime<Utc>> {
        [self.end(), self.stopped()].into_iter().flatten().min()
    }
}

/// The start, the end and the zone of a window.
pub(super) type Window = (Option<DateTime<Utc>>, Option<DateTime<Utc>>, Tz);

impl Config {
    /// Whether layers, holdouts and traffic are drawn by SHA-256. The hashes of other systems have no buckets of their
    /// own for that: traffic would depend on the draw of variants.
    pub(super) fn enrolls_by_sha256(&self) -> bool {
        self.hash != HashName::Murmur3
    }

    /// The salt of the draw; `name` is that of the row.
    pub(super) fn salt_of_draw<'s>(&'s self, name: &'s str) -> &'s str {
        self.salt.as_deref().unwrap_or(if self.hash.is_salted() { name } else { "" })
    }

    pub(super) fn zone(&self) -> Option<Tz> {
        self.timezone.as_deref().map_or(Some(Tz::UTC), |name| name.parse().ok())
    }

    fn time(&self, text: Option<&str>, pass: Pass) -> Option<DateTime<Utc>> {
        instant(text?, self.zone()?, pass)
    }

    /// The bounds of the window for people; `None` if one is invalid.
    pub(super) fn window(&self) -> Option<Window> {
        let zone = self.zone()?;
        let parse = |text: &Option<String>, pass| match text {
            None => Some(None),
            Some(text) => instant(text, zone, pass).map(Some),
        };
        Some((parse(&self.start, Pass::First)?, parse(&self.end, Pass::Last)?, zone))
    }
}
