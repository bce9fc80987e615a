//! The chi squared distribution.

use super::{
    Normal,
    incomplete_gamma::{gamma_pq, prefactor},
    invert::invert,
    special::LEAST,
};

/// The chi squared distribution, by the incomplete gamma functions (Abramowitz and Stegun 26.4.19).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChiSquared {
    degrees_of_freedom: f64,
}

impl ChiSquared {
    /// The distribution with so many degrees of freedom, which need not be whole. Unless they are finite
    /// and at least 10^-6, all functions return `NaN`.
    pub fn new(degrees_of_freedom: f64) -> Self {
        let valid = degrees_of_freedom >= LEAST && degrees_of_freedom.is_finite();
        Self { degrees_of_freedom: if valid { degrees_of_freedom } else { f64::NAN } }
    }

    /// The probability of at most `x`.
    pub fn cdf(self, x: f64) -> f64 {
        self.probabilities(x).0
    }

    /// The probability of more than `x`.
    pub fn sf(self, x: f64) -> f64 {
        self.probabilities(x).1
    }

    /// The quantile of a probability: `cdf(ppf(p))` is `p`. `NaN` unless `p` is within 0 and 1.
    pub fn ppf(self, p: f64) -> f64 {
        self.quantile(p, 1.0 - p, true)
    }

    /// The quantile of an upper probability: `sf(isf(p))` is `p`.
    pub fn isf(self, p: f64) -> f64 {
        self.quantile(1.0 - p, p, false)
    }

    fn probabilities(self, x: f64) -> (f64, f64) {
        if x.is_nan() || self.degrees_of_freedom.is_nan() {
            return (f64::NAN, f64::NAN);
        }
        gamma_pq(0.5 * self.degrees_of_freedom, 0.5 * x)
    }

    /// The point with these probabilities below and above it, by the one that is given.
    fn quantile(self, below: f64, above: f64, by_below: bool) -> f64 {
        let df = self.degrees_of_freedom;
        if df.is_nan() || !(0.0..=1.0).contains(&below) || !(0.0..=1.0).contains(&above) {
            return f64::NAN;
        }
        let given = if by_below { below } else { above };
        if given == 0.0 || given == 1.0 {
            return if (given == 0.0) == by_below { 0.0 } else { f64::INFINITY };
        }
        // Wilson and Hilferty, 1931: the cube root is nearly normal.
        let normal = if by_below { Normal.ppf(below) } else { Normal.isf(above) };
        let spread = 2.0 / (9.0 * df);
        let root = 1.0 - spread + normal * spread.sqrt();
        let half = 0.5 * df;
        let lowest = (below.ln() + super::log_gamma(half + 1.0)) / half + std::f64::consts::LN_2;
        let start = if root > 0.2 { 3.0 * root.ln() + df.ln() } else { lowest };
        // The smaller probability decides, since the other one has lost its digits. A quarter, and not a
        // half, keeps a probability that was given as it is.
        let use_below = if by_below { below <= 0.75 } else { above > 0.75 };
        let target = if use_below { below } else { above };
        let found = invert(target.ln(), start, use_below, |log| {
            let x = log.exp();
            let (p, q) = self.probabilities(x);
            let density = prefactor(half, 0.5 * x);
            if use_below { (p.ln(), density / p) } else { (q.ln(), -density / q) }
        });
        found.exp()
    }
}
