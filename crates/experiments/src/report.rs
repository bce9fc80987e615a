//! Reports: what an experiment says, as data.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use crate::metric::Metric;

/// What an experiment says so far.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Report {
    /// The experiment, as `novi_assignments` has it: usually the name of a flag.
    pub experiment: String,
    /// The first moment whose exposures count.
    #[schemars(with = "String")]
    pub from: DateTime<Utc>,
    /// The moment before which exposures and outcomes count.
    #[schemars(with = "String")]
    pub until: DateTime<Utc>,
    /// The variant that all others are compared with.
    pub control: String,
    /// How many units each variant has.
    pub units: BTreeMap<String, u64>,
    /// How many units each variant got on each day (UTC).
    pub days: Vec<Day>,
    /// Whether the variants have as many units as they should.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample_ratio: Option<SampleRatio>,
    /// The probability of an interval that misses the truth, such as 0.05.
    pub alpha: f64,
    /// The metrics, in the given order.
    pub metrics: Vec<MetricReport>,
    /// The metrics by attributes of the units.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub breakdowns: Vec<Breakdown>,
    /// What makes the numbers doubtful, in words.
    pub warnings: Vec<String>,
}

/// The metrics by the values of an attribute.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Breakdown {
    /// The attribute.
    pub by: String,
    /// Why there are no numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// The parts of the units, the largest first.
    pub segments: Vec<Segment>,
    /// How many comparisons the p-values are adjusted for: those of all parts, variants, and metrics but guardrails.
    pub comparisons: usize,
    /// What makes the numbers doubtful, in words.
    pub warnings: Vec<String>,
}

/// The units with a value of an attribute.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Segment {
    /// The value; `(none)` of units without the attribute, and `other` of all values that are not listed.
    pub value: String,
    /// Whether these are the units of all values that are not listed.
    pub is_other: bool,
    /// How many units each variant has.
    pub units: BTreeMap<String, u64>,
    /// Whether the variants have as many units as they should.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample_ratio: Option<SampleRatio>,
    /// The metrics, in their order.
    pub metrics: Vec<SegmentMetric>,
}

/// A metric of the units with a value of an attribute.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SegmentMetric {
    /// The metric.
    pub name: String,
    /// Why there are no numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// The value of each variant.
    pub values: BTreeMap<String, f64>,
    /// Each variant but the control. Verdicts hold with regard to the number of comparisons.
    pub variants: Vec<VariantReport>,
    /// The steps of a funnel, whose last one is what is compared.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepReport>,
}

/// How many units each variant got on a day.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Day {
    /// The day, as `2026-11-28`.
    pub day: String,
    /// The new units, by variant.
    pub units: BTreeMap<String, u64>,
}

/// Whether the variants have as many units as they should, by a chi squared test.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SampleRatio {
    /// The weights that were planned.
    pub weights: BTreeMap<String, f64>,
    /// The probability that the units differ so much from the weights by chance.
    pub p: f64,
    /// Whether it is below 0.001: then the assignment, or its recording, must be broken.
    pub is_broken: bool,
    /// The comparisons of periods with other weights, if they have changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub periods: Vec<PeriodRatio>,
}

/// The units that were first exposed while the weights were these.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PeriodRatio {
    /// The first revision with these weights.
    pub since: i64,
    /// The weights.
    pub weights: BTreeMap<String, f64>,
    /// The units of each variant.
    pub units: BTreeMap<String, u64>,
    /// The probability that they differ so much from the weights by chance.
    pub p: f64,
}

/// A metric of an experiment.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MetricReport {
    /// The metric, with its SQL.
    #[serde(flatten)]
    pub metric: Metric,
    /// The SQL that made the numbers.
    pub query: String,
    /// Why there are no numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// What makes its numbers doubtful, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The value of each variant. Of a funnel, the share that reaches the last step.
    pub values: BTreeMap<String, f64>,
    /// Each variant but the control.
    pub variants: Vec<VariantReport>,
    /// The steps of a funnel.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepReport>,
}

/// A step of a funnel.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct StepReport {
    /// The step.
    pub step: String,
    /// How many units of each variant reach it, after all steps before it.
    pub units: BTreeMap<String, u64>,
    /// Their share of all units of the variant.
    pub values: BTreeMap<String, f64>,
    /// Their share of the units that reach the step before; not of the first step. Those were not drawn, so that it is not
    /// compared.
    pub of_previous: BTreeMap<String, f64>,
    /// Each variant but the control: how the shares of all units compare. Only the last step has adjusted p-values, as it
    /// is the one that decides.
    pub variants: Vec<VariantReport>,
}

/// A variant, compared with the control.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct VariantReport {
    /// The variant.
    pub variant: String,
    /// Why it cannot be compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// The comparison.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub result: Option<Comparison>,
}

/// How much a variant differs from the control.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Comparison {
    /// The difference of the values. With CUPED, the adjusted one.
    pub difference: Interval,
    /// The difference as a part of the control's value; `None` if that is not clearly above zero. p-values, the chance to
    /// win and the verdict are those of the lift, and without one those of the difference.
    pub lift: Option<Interval>,
    /// The p-value of "there is no difference", valid if the experiment is read once, at an end that was planned.
    pub p: f64,
    /// The same with regard to the number of metrics and variants (Holm). Guardrails are not among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p_adjusted: Option<f64>,
    /// The same, so that at most a part `alpha` of the differences that are found does not exist (Benjamini-Hochberg).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p_false_discovery: Option<f64>,
    /// The p-value that is valid however often the experiment is read (asymptotic confidence sequences).
    pub p_at_any_time: f64,
    /// The probability that the variant is better, without a prior.
    pub chance_to_win: f64,
    /// What can be said.
    pub verdict: Verdict,
}

/// An estimate with its intervals, each of which misses the truth with the probability `alpha`.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct Interval {
    /// The estimate.
    pub estimate: f64,
    /// The interval that is valid if the experiment is read once.
    pub interval: [f64; 2],
    /// The interval that is valid however often it is read.
    pub interval_at_any_time: [f64; 2],
}

/// What can be said of a variant, however often the experiment is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is better than the control.
    Better,
    /// It is worse.
    Worse,
    /// Neither is shown yet.
    Open,
}
