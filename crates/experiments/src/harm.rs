//! Whether a guardrail shows harm.

use std::{collections::BTreeMap, fmt};

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::{
    metric::{Better, Margin, Metric},
    report::{Comparison, Report},
    text::{moment, number, percent, signed},
    units::{FEW_UNITS, few_units},
};

/// A guardrail whose interval at any time lies beyond its margin.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Harm {
    /// The guardrail.
    pub metric: String,
    /// The variant that does harm.
    pub variant: String,
    /// The variant that it is compared with.
    pub control: String,
    /// How much the variant differs, at any time: as a part of the control's value, or else as a number.
    pub interval: [f64; 2],
    /// Whether the interval is a part of the control's value.
    pub is_relative: bool,
    /// How much worse a variant may be.
    pub margin: Margin,
    /// The units of the control and of the variant.
    pub units: [u64; 2],
}

impl fmt::Display for Harm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { metric, variant, control, units, .. } = self;
        let show = |end: f64| if self.is_relative { percent(end) } else { signed(end) };
        let [low, high] = self.interval.map(show);
        write!(f, "guardrail {metric}: {variant} differs from {control} by {low} to {high} (at any time)")?;
        match self.margin {
            Margin::Relative(margin) if margin > 0.0 => write!(f, ", margin {:.2} %", 100.0 * margin)?,
            Margin::Absolute(margin) => write!(f, ", margin {}", number(margin))?,
            Margin::Relative(_) => {}
        }
        write!(f, ", units {} and {}", units[1], units[0])
    }
}

/// The guardrails that show harm. None if the numbers of units do not fit, since then no number can be trusted.
pub(crate) fn harms(report: &Report) -> Vec<Harm> {
    let units = |variant: &str| report.units.get(variant).copied().unwrap_or_default();
    if is_broken(report) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for metric in report.metrics.iter().filter(|metric| metric.metric.guardrail) {
        let control = metric.values.get(&report.control).copied();
        for variant in &metric.variants {
            let units = [units(&report.control), units(&variant.variant)];
            let Some((interval, is_relative)) =
                variant.result.as_ref().and_then(|result| harm(&metric.metric, control, result))
            else {
                continue;
            };
            if units.iter().all(|units| *units >= FEW_UNITS) {
                found.push(Harm {
                    metric: metric.metric.name.clone(),
                    variant: variant.variant.clone(),
                    control: report.control.clone(),
                    interval,
                    is_relative,
                    margin: metric.metric.margin,
                    units,
                });
            }
        }
    }
    found
}

fn is_broken(report: &Report) -> bool {
    report.sample_ratio.as_ref().is_some_and(|ratio| ratio.is_broken)
}

/// Whether any guardrail has numbers of enough units on both sides.
pub(crate) fn is_compared(report: &Report) -> bool {
    let is_enough = |variant: &String| report.units.get(variant).is_some_and(|units| *units >= FEW_UNITS);
    let guardrails = report.metrics.iter().filter(|metric| metric.metric.guardrail);
    let mut compared =
        guardrails.flat_map(|metric| &metric.variants).filter(|variant| variant.result.is_some());
    !is_broken(report) && is_enough(&report.control) && compared.any(|variant| is_enough(&variant.variant))
}

/// That there are not enough units on both sides.
pub(crate) fn too_few(units: &BTreeMap<String, u64>, since: Option<DateTime<Utc>>) -> Option<String> {
    if units.len() > 1 && units.values().all(|units| *units >= FEW_UNITS) {
        return None;
    }
    let counted: Vec<String> = units.iter().map(|(variant, units)| format!("{variant} {units}")).collect();
    let counted = if counted.is_empty() { "0".to_owned() } else { counted.join(", ") };
    let since = since.map(|since| format!(" since {}", moment(since))).unwrap_or_default();
    Some(format!("too few units{since}: {counted}; at least {FEW_UNITS} of each variant are needed"))
}

/// The interval at any time, if all of it is worse than the margin, and whether it is relative.
fn harm(metric: &Metric, control: Option<f64>, result: &Comparison) -> Option<([f64; 2], bool)> {
    let difference = result.difference;
    let [low, high] = difference.interval_at_any_time;
    // A control that is close to zero, as of errors, has no lift. With `d` for the difference and `c` for the control, a
    // variant is worse by more than a part `m` if `d - m c` is above zero. Its interval is at most `1 + m` times as wide as
    // that of `d`, whatever part of the variance is the control's.
    let shifted = |margin: f64, control: f64| match metric.better {
        Better::More => {
            difference.estimate + margin * control + (1.0 + margin) * (high - difference.estimate) < 0.0
        }
        Better::Less => {
            difference.estimate - margin * control - (1.0 + margin) * (difference.estimate - low) > 0.0
        }
    };
    let beyond = |[low, high]: [f64; 2], margin: f64| match metric.better {
        Better::More => high < -margin,
        Better::Less => low > margin,
    };
    let (is_harm, found) = match (metric.margin, result.lift) {
        (Margin::Absolute(margin), _) => (beyond([low, high], margin), ([low, high], false)),
        (Margin::Relative(margin), Some(lift)) => {
            let lift = lift.interval_at_any_time;
            (beyond(lift, margin), (lift, true))
        }
        (Margin::Relative(margin), None) => {
            (shifted(margin, control.filter(|control| *control >= 0.0)?), ([low, high], false))
        }
    };
    is_harm.then_some(found)
}

/// Why guardrails cannot be read, or not be trusted.
pub(crate) fn doubts(report: &Report, since: Option<DateTime<Utc>>) -> Vec<String> {
    let mut doubts: Vec<String> = too_few(&report.units, since).into_iter().collect();
    for metric in &report.metrics {
        let name = &metric.metric.name;
        doubts.extend(metric.problem.as_ref().map(|problem| format!("{name}: {problem}")));
        for variant in &metric.variants {
            doubts.extend(variant.problem.as_ref().map(|problem| format!("{name}: {problem}")));
        }
    }
    // Those about the numbers of units say the same.
    let about_units = few_units(&report.units);
    doubts.extend(report.warnings.iter().filter(|warning| !about_units.contains(warning)).cloned());
    doubts
}
