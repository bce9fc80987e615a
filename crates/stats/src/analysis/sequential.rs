//! A test that may be read as often as one likes.

use super::estimate::{Certainty, Estimate, estimate};
use crate::{
    metric::Comparison,
    problem::{Problem, fraction, positive},
};

/// Asymptotic confidence sequences: intervals that hold at all sample sizes at once, so that looking each day
/// does not raise the share of errors (I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy, A. Ramdas,
/// "Time-uniform central limit theory and asymptotic confidence sequences", arXiv 2103.06476v7).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sequential {
    /// The share of experiments without an effect whose interval excludes zero at any look.
    pub alpha: f64,
    /// The number of units, of both groups together, at which the interval is as narrow as it can be. Others
    /// are valid as well.
    pub tuned_for: f64,
}

impl Default for Sequential {
    fn default() -> Self {
        Self { alpha: 0.05, tuned_for: 5_000.0 }
    }
}

impl Sequential {
    /// Compares a variant with its control.
    ///
    /// One-sided bounds exist for an alpha below 0.5 only; above it they are those of 0.499, which are wider.
    ///
    /// # Errors
    ///
    /// What makes an estimate impossible.
    pub fn compare<M: Comparison>(&self, control: &M, variant: &M) -> Result<Estimate, Problem> {
        let groups = M::compare(control, variant)?;
        let units = groups.units();
        let two_sided = self.spread(units)?;
        let one_sided_alpha = self.alpha.min(0.499);
        let one_sided = Spread::new(units, 2.0 * one_sided_alpha, self.tuned_for);
        estimate(&groups, None, |score| {
            // Equation 155: the reciprocal of the mixture's likelihood ratio.
            let p = (two_sided.spread.ln() - two_sided.evidence(score)).exp().min(1.0);
            // The alpha whose one-sided bound is zero.
            let against = |score: f64| {
                if score <= 0.0 {
                    return 1.0;
                }
                (0.5 * one_sided.spread / one_sided.evidence(score).exp_m1()).min(1.0)
            };
            Certainty {
                two_sided: two_sided.distance((two_sided.spread / self.alpha).ln()),
                one_sided: one_sided.distance((0.5 * one_sided.spread / one_sided_alpha).ln_1p()),
                p: [p, against(score), against(-score)],
            }
        })
    }

    /// Half of the two-sided interval for so many units of both groups together, in standard errors.
    ///
    /// # Errors
    ///
    /// [`Problem::OutOfRange`] for an invalid setting.
    pub fn half_width(&self, units: f64) -> Result<f64, Problem> {
        let spread = self.spread(positive("the number of units", units)?)?;
        Ok(spread.distance((spread.spread / self.alpha).ln()))
    }

    fn spread(&self, units: f64) -> Result<Spread, Problem> {
        let alpha = fraction("alpha", self.alpha)?;
        positive("the number of units that the test is tuned for", self.tuned_for)?;
        Ok(Spread::new(units, alpha, self.tuned_for))
    }
}

/// The mixture over effects that a confidence sequence is made from.
struct Spread {
    /// `n rho^2`, by equation 161, which minimizes the width at the number of units that it is tuned for.
    mixed: f64,
    /// `sqrt(n rho^2 + 1)`.
    spread: f64,
}

impl Spread {
    fn new(units: f64, alpha: f64, tuned_for: f64) -> Self {
        let twice = -2.0 * alpha.ln();
        let mixed = units * ((twice + twice.ln_1p()) / tuned_for);
        Self { mixed, spread: (mixed + 1.0).sqrt() }
    }

    /// Equation 9 for a logarithm, in standard errors: their variance is 1 / n of that of a unit.
    fn distance(&self, logarithm: f64) -> f64 {
        (2.0 * (1.0 + 1.0 / self.mixed) * logarithm).sqrt()
    }

    /// The logarithm whose distance is the score.
    fn evidence(&self, score: f64) -> f64 {
        score * score * self.mixed / (2.0 * (self.mixed + 1.0))
    }
}
