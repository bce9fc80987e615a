//! Sample-ratio mismatch: whether groups are as large as they should be.

use crate::{
    distribution::ChiSquared,
    problem::{Problem, positive},
    summary::to_float,
};

/// How far the sizes of groups are from what was planned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampleRatio {
    /// Pearson's chi squared.
    pub chi_squared: f64,
    /// One less than the groups that have a weight.
    pub degrees_of_freedom: f64,
    /// The probability of sizes that are at least as far off by chance. Below 0.001, the assignment or the
    /// recording is most likely broken, and no result of the experiment can be trusted.
    pub p: f64,
}

/// Compares the sizes of groups with their weights by a chi squared test (K. Pearson, 1900).
///
/// Groups without a weight, or with a negative one, are left out with their units.
///
/// # Errors
///
/// [`Problem::DifferentLengths`]; [`Problem::OutOfRange`] if there are fewer than two groups with a weight,
/// or no units.
pub fn sample_ratio(units: &[u64], weights: &[f64]) -> Result<SampleRatio, Problem> {
    if units.len() != weights.len() {
        return Err(Problem::DifferentLengths {
            left: units.len(),
            left_name: "group sizes",
            right: weights.len(),
            right_name: "weights",
        });
    }
    if let Some(&value) = weights.iter().find(|weight| !weight.is_finite()) {
        return Err(Problem::OutOfRange { name: "a weight", value, expected: "a finite number" });
    }
    let counted = || units.iter().zip(weights).filter(|(_, weight)| **weight > 0.0);
    let groups = counted().fold(0.0, |sum, _| sum + 1.0);
    if groups < 2.0 {
        let expected = "at least 2";
        return Err(Problem::OutOfRange {
            name: "the number of groups with a weight",
            value: groups,
            expected,
        });
    }
    let total = positive("the number of units", counted().map(|(units, _)| to_float(*units)).sum())?;
    // Weights of 10^308 would have an infinite sum.
    let largest = counted().map(|(_, weight)| *weight).fold(0.0, f64::max);
    let whole: f64 = counted().map(|(_, weight)| weight / largest).sum();
    let mut chi_squared = 0.0;
    for (units, weight) in counted() {
        let expected = weight / largest / whole * total;
        if expected > 0.0 {
            let difference = to_float(*units) - expected;
            chi_squared += difference * (difference / expected);
        }
    }
    let degrees_of_freedom = groups - 1.0;
    Ok(SampleRatio {
        chi_squared,
        degrees_of_freedom,
        p: ChiSquared::new(degrees_of_freedom).sf(chi_squared),
    })
}
