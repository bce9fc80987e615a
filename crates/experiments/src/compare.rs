//! Compares variants with the control.

use std::collections::BTreeMap;

use novi_stats::{
    Problem,
    analysis::{Bayesian, Estimate, Lift, Sequential, Welch, benjamini_hochberg, holm},
    metric::{AdjustedMean, Comparison as Comparable, Ratio},
};

use crate::{
    measure::{Groups, Measured},
    metric::{Better, Kind, Metric},
    report::{Comparison, Interval, MetricReport, StepReport, VariantReport, Verdict},
};

/// A control whose value is fewer standard errors of the difference above zero has no relative lift: its interval by the
/// delta method would be wrong. Seven are ten of the control's own, if both groups have the same size.
const CLOSE_TO_ZERO: f64 = 7.0;

/// The values of the control and of a variant, and how they compare.
type Compared = ([f64; 2], Comparison);

/// With what, and how certainly, variants are compared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Against<'a> {
    pub(crate) control: &'a str,
    /// The probability of an interval that misses the truth.
    pub(crate) alpha: f64,
    pub(crate) better: Better,
}

impl Against<'_> {
    /// The values of a metric, and the variants.
    pub(crate) fn compare(
        &self,
        metric: &Metric,
        measured: &Measured,
    ) -> (BTreeMap<String, f64>, Vec<VariantReport>) {
        let mut values = measured.values(metric);
        let compared = match metric.kind {
            Kind::Quantile { .. } => self.groups(&measured.quantiles),
            Kind::Proportion | Kind::Retention { .. } | Kind::Funnel => {
                self.groups(&measured.proportions(metric.steps.len()))
            }
            Kind::Ratio => self.groups(&measured.pairs("d", Ratio)),
            Kind::Mean if metric.before.is_some() => self.groups(&measured.pairs("x", AdjustedMean)),
            Kind::Mean => self.groups(&measured.means()),
            Kind::Unknown => Vec::new(),
        };
        for (variant, estimate) in &compared {
            // Quantiles are known here only.
            if let Ok(([own, other], _)) = estimate {
                values.insert(self.control.to_owned(), *own);
                values.insert(variant.clone(), *other);
            }
        }
        (values, reports(compared))
    }

    /// The steps of a funnel.
    pub(crate) fn steps(&self, metric: &Metric, measured: &Measured) -> Vec<StepReport> {
        let mut reports_of_steps = Vec::new();
        let mut previous = None;
        for (number, step) in (1..).zip(&metric.steps) {
            let units = measured.reached(number);
            let share_of = |all: &BTreeMap<String, u64>| {
                let shares = units.iter().filter_map(|(variant, units)| {
                    Some((variant.clone(), share(*units, *all.get(variant)?)?))
                });
                shares.collect()
            };
            reports_of_steps.push(StepReport {
                step: step.clone(),
                values: share_of(&measured.units()),
                of_previous: previous.as_ref().map(share_of).unwrap_or_default(),
                variants: reports(self.groups(&measured.proportions(number))),
                units: units.clone(),
            });
            previous = Some(units);
        }
        reports_of_steps
    }

    /// Compares each variant with the control.
    fn groups<M: Comparable>(&self, groups: &Groups<M>) -> Groups<Compared> {
        let own = groups.iter().find(|(variant, _)| variant == self.control).map(|(_, group)| group);
        let mut compared = Vec::new();
        for (variant, group) in groups.iter().filter(|(variant, _)| variant != self.control) {
            let result = match (own, group) {
                (Some(Ok(control)), Ok(variant)) => self.estimate(control, variant),
                (Some(Err(problem)), _) | (_, Err(problem)) => Err(problem.clone()),
                (None, _) => Err(Problem::ZeroControl),
            };
            compared.push((variant.clone(), result));
        }
        compared
    }

    fn estimate<M: Comparable>(&self, control: &M, variant: &M) -> Result<Compared, Problem> {
        let once = Welch { alpha: self.alpha }.compare(control, variant)?;
        let always = Sequential { alpha: self.alpha, ..Sequential::default() }.compare(control, variant)?;
        let less_is_better = self.better == Better::Less;
        let bayesian = Bayesian { alpha: self.alpha, less_is_better, ..Bayesian::default() };
        // All numbers are of one scale, or intervals and p-values near their limits could disagree.
        let is_relative = once.control > CLOSE_TO_ZERO * once.absolute.standard_error;
        let (lift, shown, shown_always, chance_to_win) = match (&once.relative, &always.relative) {
            (Ok(relative), Ok(relative_always)) if is_relative => {
                let chance = bayesian.relative(control, variant)?.chance_to_win;
                (Some(interval(relative, relative_always)), *relative, *relative_always, chance)
            }
            _ => {
                let chance = bayesian.absolute(control, variant)?.chance_to_win;
                (None, once.absolute, always.absolute, chance)
            }
        };
        let [lower, upper] = [shown_always.lower, shown_always.upper];
        let verdict = match (lower > 0.0, upper < 0.0) {
            (true, _) if less_is_better => Verdict::Worse,
            (true, _) => Verdict::Better,
            (_, true) if less_is_better => Verdict::Better,
            (_, true) => Verdict::Worse,
            _ => Verdict::Open,
        };
        let Estimate { control, variant, .. } = once;
        let comparison = Comparison {
            difference: interval(&once.absolute, &always.absolute),
            lift,
            p: shown.p,
            p_adjusted: None,
            p_false_discovery: None,
            p_at_any_time: shown_always.p,
            chance_to_win,
            verdict,
        };
        Ok(([control, variant], comparison))
    }
}

fn reports(compared: Groups<Compared>) -> Vec<VariantReport> {
    let report = |(variant, result): (String, Result<Compared, Problem>)| VariantReport {
        variant,
        problem: result.as_ref().err().map(ToString::to_string),
        result: result.ok().map(|(_, comparison)| comparison),
    };
    compared.into_iter().map(report).collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts of units")]
fn share(part: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| part as f64 / all as f64)
}

fn interval(once: &Lift, always: &Lift) -> Interval {
    Interval {
        estimate: once.estimate,
        interval: [once.lower, once.upper],
        interval_at_any_time: [always.lower, always.upper],
    }
}

/// Adjusts the p-values of all metrics and variants but those of guardrails, which must not be missed.
pub(crate) fn adjust(reports: &mut [MetricReport]) {
    let goals = reports.iter_mut().filter(|report| !report.metric.guardrail);
    adjust_all(&mut results_of(goals.flat_map(|report| &mut report.variants)));
}

/// The comparisons of variants that can be compared.
pub(crate) fn results_of<'a>(
    variants: impl Iterator<Item = &'a mut VariantReport>,
) -> Vec<&'a mut Comparison> {
    variants.filter_map(|variant| variant.result.as_mut()).collect()
}

pub(crate) fn adjust_all(results: &mut [&mut Comparison]) {
    let p: Vec<f64> = results.iter().map(|result| result.p).collect();
    let (Ok(adjusted), Ok(false_discovery)) = (holm(&p), benjamini_hochberg(&p)) else { return };
    for ((result, p), q) in results.iter_mut().zip(adjusted).zip(false_discovery) {
        (result.p_adjusted, result.p_false_discovery) = (Some(p), Some(q));
    }
}
