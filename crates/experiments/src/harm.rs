//! Whether a guardrail shows harm.

use std::fmt;

use serde::Serialize;

use crate::{
    metric::{Better, Margin, Metric},
    report::{Comparison, Report},
    text::{number, percent, signed},
    units::FEW_UNITS,
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
    if report.sample_ratio.as_ref().is_some_and(|ratio| ratio.is_broken) {
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
pub(crate) fn doubts(report: &Report) -> Vec<String> {
    let mut doubts = Vec::new();
    for metric in &report.metrics {
        let name = &metric.metric.name;
        doubts.extend(metric.problem.as_ref().map(|problem| format!("{name}: {problem}")));
        for variant in &metric.variants {
            doubts.extend(variant.problem.as_ref().map(|problem| format!("{name}: {problem}")));
        }
    }
    doubts.extend(report.warnings.iter().cloned());
    doubts
}
