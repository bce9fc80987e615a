//! Metrics by the values of an attribute.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use novi_audience::AudienceError;
use novi_stats::analysis::holm;

use crate::{
    attributes::{Attributes, OF_ASSIGNMENTS},
    compare::{Against, adjust_all, results_of},
    error::ExperimentError,
    measure::{Measured, measure, variant_of},
    metric::Metric,
    outcomes::without_outcomes,
    periods::{WeightPeriod, compare_periods},
    read::Source,
    report::{Breakdown, Segment, SegmentMetric, Verdict},
    sql::Segments,
    units::{compare_with_weights, without_units},
};

/// The most values of an attribute that are parts of their own.
const MOST_VALUES: usize = 100;

/// An attribute by which a report is broken down.
#[derive(Clone, Debug)]
pub struct By {
    attribute: String,
    sql: Option<String>,
    most: usize,
}

impl By {
    /// The attribute with this name: `day` or `revision` of the first exposure, or one of the given attributes. The `most`
    /// frequent values, up to 100, are parts of their own, and all others are one more.
    ///
    /// # Errors
    /// [`ExperimentError::Attribute`] if there is none with this name.
    pub fn attribute(name: &str, known: &[Attributes], most: usize) -> Result<Self, ExperimentError> {
        let selects = |attributes: &&Attributes| attributes.names.iter().any(|own| own == name);
        let sql = known.iter().find(selects).map(|attributes| attributes.sql.clone());
        if sql.is_none() && !OF_ASSIGNMENTS.contains(&name) {
            let names = known.iter().flat_map(|attributes| attributes.names.iter().cloned());
            let known = OF_ASSIGNMENTS.into_iter().map(str::to_owned).chain(names).collect();
            return Err(ExperimentError::Attribute { attribute: name.to_owned(), known });
        }
        Ok(Self { attribute: name.to_owned(), sql, most: most.clamp(1, MOST_VALUES) })
    }
}

/// How variants are compared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) control: &'a str,
    pub(crate) alpha: f64,
    pub(crate) weights: &'a BTreeMap<String, f64>,
    /// The weights that variants have had, if they have changed.
    pub(crate) periods: &'a [WeightPeriod],
    pub(crate) first: DateTime<Utc>,
}

/// The metrics by an attribute. SQL that fails is the problem of the breakdown, or of its metric.
pub(crate) async fn breakdown(source: &Source, metrics: &[Metric], by: &By, plan: Plan<'_>) -> Breakdown {
    let mut breakdown = Breakdown {
        by: by.attribute.clone(),
        problem: None,
        segments: Vec::new(),
        comparisons: 0,
        warnings: Vec::new(),
    };
    match segments(source, by, plan).await {
        Ok((source, segments)) => {
            breakdown.segments = segments;
            for metric in metrics {
                let measured = match &metric.problem {
                    Some(problem) => Err(problem.clone()),
                    None => measure(&source, metric, plan.first).await.map_err(|error| error.to_string()),
                };
                add(&mut breakdown.segments, metric, &measured, plan);
            }
        }
        Err(error) => breakdown.problem = Some(error.to_string()),
    }
    adjust(&mut breakdown, metrics, plan.alpha);
    breakdown.warnings = warnings(&breakdown, plan.alpha);
    breakdown
}

/// The parts, and the source whose variants are divided into them.
async fn segments(source: &Source, by: &By, plan: Plan<'_>) -> Result<(Source, Vec<Segment>), AudienceError> {
    let mut segments = Segments { attribute: by.attribute.clone(), sql: by.sql.clone(), values: Vec::new() };
    segments.values = source.most_frequent(&segments, by.most).await?;
    let names = segments.values.clone();
    let mut source = source.clone();
    source.scope.segments = Some(segments);
    let counts = source.counts().await?;
    let has_changed = plan.periods.len() > 1;
    let revisions = if has_changed { source.revisions().await? } else { BTreeMap::new() };
    let mut found = Vec::new();
    let others = ("other".to_owned(), true);
    let all = names.into_iter().map(|name| (name, false)).chain([others]).enumerate();
    for (number, (value, is_other)) in all {
        let units = counts
            .iter()
            .filter_map(|(variant, units)| Some((variant_of(variant, number)?.to_owned(), *units)));
        let units: BTreeMap<String, u64> = units.collect();
        let sample_ratio = if has_changed {
            let of_part = revisions.iter().filter_map(|((variant, revision), units)| {
                Some(((variant_of(variant, number)?.to_owned(), *revision), *units))
            });
            compare_periods(&of_part.collect(), plan.periods)
        } else {
            compare_with_weights(&units, plan.weights)
        };
        let sample_ratio = sample_ratio.ok().flatten();
        found.push(Segment { value, is_other, units, sample_ratio, metrics: Vec::new() });
    }
    found.retain(|segment| !segment.units.is_empty());
    Ok((source, found))
}

/// Adds a metric to each part.
fn add(segments: &mut [Segment], metric: &Metric, measured: &Result<Measured, String>, plan: Plan<'_>) {
    // Other values come last, with the number after those that are listed, all of which have units.
    for (number, segment) in segments.iter_mut().enumerate() {
        let mut found = SegmentMetric {
            name: metric.name.clone(),
            problem: None,
            values: BTreeMap::new(),
            variants: Vec::new(),
            steps: Vec::new(),
        };
        match measured {
            Err(problem) => found.problem = Some(problem.clone()),
            Ok(measured) if without_outcomes(&measured.outcomes, &measured.sums).is_some() => {
                found.problem = without_outcomes(&measured.outcomes, &measured.sums);
            }
            Ok(_) if !segment.units.contains_key(plan.control) => {
                found.problem = Some(without_units(&segment.units, plan.control));
            }
            Ok(measured) => {
                let against = Against { control: plan.control, alpha: plan.alpha, better: metric.better };
                let measured = measured.segment(number);
                (found.values, found.variants) = against.compare(metric, &measured);
                found.steps = against.steps(metric, &measured);
            }
        }
        segment.metrics.push(found);
    }
}

/// Adjusts p-values for the number of comparisons. A verdict that does not hold with regard to it is open.
fn adjust(breakdown: &mut Breakdown, metrics: &[Metric], alpha: f64) {
    let is_goal = |name: &str| metrics.iter().any(|metric| metric.name == name && !metric.guardrail);
    let found = breakdown.segments.iter_mut().flat_map(|segment| &mut segment.metrics);
    let goals = found.filter(|metric| is_goal(&metric.name));
    let mut results = results_of(goals.flat_map(|metric| &mut metric.variants));
    breakdown.comparisons = results.len();
    adjust_all(&mut results);
    let always: Vec<f64> = results.iter().map(|result| result.p_at_any_time).collect();
    let Ok(always) = holm(&always) else { return };
    for (result, p) in results.iter_mut().zip(always) {
        if p >= alpha {
            result.verdict = Verdict::Open;
        }
    }
}

fn warnings(breakdown: &Breakdown, alpha: f64) -> Vec<String> {
    let mut warnings = Vec::new();
    let comparisons = breakdown.comparisons;
    if comparisons > 1 {
        let any = 1.0 - (1.0 - alpha).powi(i32::try_from(comparisons).unwrap_or(i32::MAX));
        warnings.push(format!(
            "{comparisons} comparisons: even if nothing differs, one of them has a p-value below {alpha} with a probability \
             of about {:.0} %. Go by the adjusted ones, and repeat what you find in an experiment of its own",
            100.0 * any
        ));
    }
    let is_broken = |segment: &&Segment| segment.sample_ratio.as_ref().is_some_and(|ratio| ratio.is_broken);
    let broken: Vec<String> =
        breakdown.segments.iter().filter(is_broken).map(|part| part.value.clone()).collect();
    if !broken.is_empty() {
        warnings.push(format!(
            "the variants do not have the units that their weights give among {}: do not trust these numbers",
            broken.join(", ")
        ));
    }
    warnings
}
