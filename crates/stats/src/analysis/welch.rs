//! Welch's t-test, for experiments that are read once, at an end that was fixed before.

use super::estimate::{Certainty, Estimate, estimate};
use crate::{
    distribution::StudentT,
    metric::Comparison,
    problem::{Problem, fraction},
};

/// Welch's t-test: groups may have different variances and sizes (B. L. Welch, 1947).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Welch {
    /// The share of experiments without an effect whose interval excludes zero; 0.05 gives intervals of 95 %.
    pub alpha: f64,
}

impl Default for Welch {
    fn default() -> Self {
        Self { alpha: 0.05 }
    }
}

impl Welch {
    /// Compares a variant with its control.
    ///
    /// # Errors
    ///
    /// What makes an estimate impossible.
    pub fn compare<M: Comparison>(&self, control: &M, variant: &M) -> Result<Estimate, Problem> {
        let alpha = fraction("alpha", self.alpha)?;
        let groups = M::compare(control, variant)?;
        let degrees_of_freedom = groups.degrees_of_freedom();
        let t = StudentT::new(degrees_of_freedom);
        let (two_sided, one_sided) = (t.isf(alpha / 2.0), t.isf(alpha));
        estimate(&groups, Some(degrees_of_freedom), |score| Certainty {
            two_sided,
            one_sided,
            p: [2.0 * t.sf(score.abs()), t.sf(score), t.cdf(score)],
        })
    }
}
