//! Metrics of experiments as rows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    activation::{
        Activation, CompileContext, Configured, Phrase, Phrasing, Verdict, cause::CauseRule,
        evaluation::Evaluation, sql,
    },
    builtin::register::register,
};

/// See [`MetricConfig`].
struct Metric;

/// A metric of experiments: what is measured of their units, as SQL over the tables of the application.
///
/// ```sql
/// INSERT INTO activations (id, name, class_name, config) VALUES
///     (360, 'order value', 'novi.metric', '{"kind": "mean", "window": "7days",
///         "sql": "select user_id as unit, created_at as ts, amount as value from orders"}');
/// ```
///
/// The name of the row is that of the metric, by which experiments name it. It is no condition, and off for everybody:
/// do not link it. As a row, a metric is seeded, changed, compared and rolled back like a flag.
///
/// [docs/experiments.md](../experiments.md) says what the fields mean, which are those of files with metrics. A name
/// can be that of a file or of a row, and not of both. `novi check` runs the SQL. It is read-only and limited in time,
/// and reads what the database user of the server can read: over HTTP, only tokens with the role `admin` can write it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct MetricConfig {
    /// How outcomes count: mean, proportion, ratio, quantile 0.9, retention 7, or funnel view, cart, buy
    pub kind: String,
    /// What it is, for people
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The direction that is better: more or less. Default: more
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub better: Option<String>,
    /// Whether it must not get worse, rather than improve. Default: false
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub guardrail: bool,
    /// How much worse a guardrail may be, such as 2%, or a number. Default: 0%
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<String>,
    /// How long after the exposure outcomes begin to count, such as 1day. Default: at once
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// How long after the exposure outcomes count, such as 7days. Default: until the end
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<String>,
    /// The most that a unit counts
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<f64>,
    /// How long before the exposure outcomes reduce the variance (CUPED), such as 14days. Default: they do not
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// SQL that selects unit, ts and value
    #[schemars(extend("x-novi-input" = "sql"))]
    pub sql: String,
}

impl MetricConfig {
    /// The class name of the rows.
    pub const CLASS: &'static str = "novi.metric";

    /// A metric of this kind, with this SQL.
    pub fn new(kind: impl Into<String>, sql: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            description: None,
            better: None,
            guardrail: false,
            margin: None,
            after: None,
            window: None,
            cap: None,
            before: None,
            sql: sql.into(),
        }
    }

    /// Reads the config of a row.
    ///
    /// # Errors
    /// If the JSON is not that of a metric.
    pub fn parse(config: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(config)
    }
}

register!(Metric, MetricConfig::CLASS, [], "A metric of experiments, and no condition: off for everybody");

impl Activation for Metric {
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Verdict {
        evaluation.note(|| "a metric of experiments, and no condition".to_owned());
        Verdict::Off
    }

    fn cause_rule(&self) -> CauseRule {
        CauseRule::Unconditional
    }
}

impl Configured for Metric {
    type Config = MetricConfig;

    const IS_CONDITION: bool = false;

    fn configure(config: MetricConfig, row: &mut CompileContext<'_>) -> Option<Self> {
        let named = [(".kind", &config.kind), (".sql", &config.sql)];
        let missing = named.into_iter().find(|(_, text)| text.trim().is_empty());
        if let Some((path, _)) = missing {
            row.problem(path, "expected text, found an empty string");
            return None;
        }
        Some(Self)
    }

    fn words(_: &MetricConfig, _: &mut Phrasing<'_>) -> Phrase {
        Phrase::period("never, since it is a metric of experiments")
    }

    fn config_to_sql(_: &MetricConfig, _: &mut sql::SqlContext<'_>) -> sql::Condition {
        sql::Condition::always(false)
    }
}
