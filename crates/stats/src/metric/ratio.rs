//! Ratios of two sums: revenue per order, clicks per page view.

use super::group::{Comparison, Group, Groups, enough};
use crate::{
    problem::{Problem, Side},
    summary::{Summary, to_float},
};

/// Two values per unit, numerator and denominator. The ratio is that of their sums, and its variance follows
/// by the delta method: units differ in both (A. Deng, U. Knoblich, J. Lu, "Applying the delta method in
/// metric analytics", 2018).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratio(pub Summary<2>);

impl Ratio {
    fn group(&self, side: Side) -> Result<Group, Problem> {
        enough(side, self.0.units(), 2)?;
        let [numerator, denominator] = self.0.means();
        if denominator == 0.0 {
            return Err(Problem::ZeroDenominator(side));
        }
        let value = numerator / denominator;
        let slopes = [1.0 / denominator, -value / denominator];
        Ok(Group {
            units: to_float(self.0.units()),
            value,
            variance: quadratic(&slopes, &self.0.covariances(), &slopes),
        })
    }
}

impl Comparison for Ratio {
    fn compare(control: &Self, variant: &Self) -> Result<Groups, Problem> {
        Groups::independent(control.group(Side::Control)?, variant.group(Side::Variant)?)
    }
}

/// `left' matrix right`: the covariance of two functions with these slopes.
pub(super) fn quadratic<const K: usize>(left: &[f64; K], matrix: &[[f64; K]; K], right: &[f64; K]) -> f64 {
    let rows = left.iter().zip(matrix);
    rows.map(|(l, row)| l * row.iter().zip(right).map(|(cell, r)| cell * r).sum::<f64>()).sum()
}
