//! CUPED: subtracts what was known before the experiment, which leaves less variance and no bias.
//!
//! A. Deng, Y. Xu, R. Kohavi, T. Walker, "Improving the sensitivity of online controlled experiments by
//! utilizing pre-experiment data", 2013.

use super::{
    group::{Comparison, Group, Groups, enough},
    ratio::quadratic,
};
use crate::{
    problem::{Problem, Side},
    summary::{Summary, to_float},
};

/// Two values per unit: the outcome, and the same from before the experiment, or zero for units that are new.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdjustedMean(pub Summary<2>);

/// Four values per unit: numerator and denominator of the outcome, and the same from before the experiment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdjustedRatio(pub Summary<4>);

impl Comparison for AdjustedMean {
    fn compare(control: &Self, variant: &Self) -> Result<Groups, Problem> {
        let (control, variant) = (&control.0, &variant.0);
        enough(Side::Control, control.units(), 2)?;
        enough(Side::Variant, variant.units(), 2)?;
        // Both groups together, without the difference of their means that the experiment makes, would be as
        // good. GrowthBook merges them, and so that results can be compared, the same is done here.
        let [[_, shared], [_, before]] = control.merged(variant)?.covariances();
        // Without variance before the experiment there is nothing to subtract.
        let theta = if before > 0.0 { shared / before } else { 0.0 };
        let adjusted = |summary: &Summary<2>| {
            let ([value, _], covariances) = (summary.means(), summary.covariances());
            let slopes = [1.0, -theta];
            Group {
                units: to_float(summary.units()),
                value,
                variance: quadratic(&slopes, &covariances, &slopes),
            }
        };
        let [outcome_control, before_control] = control.means();
        let [outcome_variant, before_variant] = variant.means();
        let difference = (outcome_variant - outcome_control) - theta * (before_variant - before_control);
        let (groups, scale) = ((adjusted(control), adjusted(variant)), 1.0 / outcome_control);
        let relative_variance = (outcome_control != 0.0).then(|| {
            // The control is in the numerator and, not adjusted, in the denominator.
            let slopes = [-outcome_variant / outcome_control, theta];
            let own = quadratic(&slopes, &control.covariances(), &slopes) / groups.0.units;
            (groups.1.variance / groups.1.units + own) * scale * scale
        });
        Groups::new(groups.0, groups.1, difference, relative_variance)
    }
}

impl AdjustedRatio {
    /// Ratio of the outcome and, unless the denominators before the experiment sum to zero, that before it.
    fn ratios(&self, side: Side) -> Result<(f64, f64), Problem> {
        enough(side, self.0.units(), 2)?;
        let [numerator, denominator, before_numerator, before_denominator] = self.0.means();
        if denominator == 0.0 {
            return Err(Problem::ZeroDenominator(side));
        }
        let before = if before_denominator == 0.0 { 0.0 } else { before_numerator / before_denominator };
        Ok((numerator / denominator, before))
    }

    /// Slopes of both ratios, by the four means.
    fn slopes(&self, (outcome, before): (f64, f64)) -> ([f64; 4], [f64; 4]) {
        let [_, denominator, _, before_denominator] = self.0.means();
        let before_slopes = if before_denominator == 0.0 {
            [0.0; 4]
        } else {
            [0.0, 0.0, 1.0 / before_denominator, -before / before_denominator]
        };
        ([1.0 / denominator, -outcome / denominator, 0.0, 0.0], before_slopes)
    }
}

impl Comparison for AdjustedRatio {
    fn compare(control: &Self, variant: &Self) -> Result<Groups, Problem> {
        let (ratios_control, ratios_variant) =
            (control.ratios(Side::Control)?, variant.ratios(Side::Variant)?);
        let (slopes_control, slopes_variant) =
            (control.slopes(ratios_control), variant.slopes(ratios_variant));
        let (matrix_control, matrix_variant) = (control.0.covariances(), variant.0.covariances());
        let before = quadratic(&slopes_control.1, &matrix_control, &slopes_control.1)
            + quadratic(&slopes_variant.1, &matrix_variant, &slopes_variant.1);
        let shared = quadratic(&slopes_control.1, &matrix_control, &slopes_control.0)
            + quadratic(&slopes_variant.1, &matrix_variant, &slopes_variant.0);
        let theta = if before > 0.0 { shared / before } else { 0.0 };
        // Slopes of a multiple of the outcome, minus the part that was known before.
        let combined = |slopes: &([f64; 4], [f64; 4]), scale: f64| {
            let mut sum = slopes.0;
            for (slope, before) in sum.iter_mut().zip(slopes.1) {
                *slope = *slope * scale - theta * before;
            }
            sum
        };
        let group = |summary: &Summary<4>, value: f64, matrix: &[[f64; 4]; 4], slopes: &[f64; 4]| Group {
            units: to_float(summary.units()),
            value,
            variance: quadratic(slopes, matrix, slopes),
        };
        let group_control =
            group(&control.0, ratios_control.0, &matrix_control, &combined(&slopes_control, 1.0));
        let group_variant =
            group(&variant.0, ratios_variant.0, &matrix_variant, &combined(&slopes_variant, 1.0));
        let difference =
            (ratios_variant.0 - ratios_control.0) - theta * (ratios_variant.1 - ratios_control.1);
        let relative_variance = (ratios_control.0 != 0.0).then(|| {
            let scale = 1.0 / ratios_control.0;
            // The control is in the numerator and, not adjusted, in the denominator.
            let slopes = combined(&slopes_control, 1.0 + difference * scale);
            let own = quadratic(&slopes, &matrix_control, &slopes) / group_control.units;
            (group_variant.variance / group_variant.units + own) * scale * scale
        });
        Groups::new(group_control, group_variant, difference, relative_variance)
    }
}
