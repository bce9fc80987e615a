//! The regularized incomplete beta function (DLMF 8.17).

use std::f64::consts::TAU;

use super::special::{log1p_minus, stirling_error};

/// More steps than any argument takes that an experiment has; bounds the time of all others.
const MAX_STEPS: u32 = 200_000;

/// A point at which the incomplete beta function is evaluated. Both parts of 1 are kept, since one of them
/// may be too small to be the rest of the other.
#[derive(Clone, Copy)]
pub(super) struct Point {
    pub(super) a: f64,
    pub(super) b: f64,
    pub(super) x: f64,
    /// `1 - x`.
    pub(super) y: f64,
    /// `a y - b x`: positive if `x` is below the mean.
    pub(super) below_mean: f64,
}

impl Point {
    fn swapped(self) -> Self {
        Self { a: self.b, b: self.a, x: self.y, y: self.x, below_mean: -self.below_mean }
    }

    /// `(I, 1 - I)`. The smaller one is computed, the other one is the rest to 1.
    pub(super) fn probabilities(self) -> (f64, f64) {
        if self.x <= 0.0 {
            return (0.0, 1.0);
        }
        if self.y <= 0.0 {
            return (1.0, 0.0);
        }
        if self.below_mean >= 0.0 {
            let lower = self.lower();
            (lower.min(1.0), (1.0 - lower).max(0.0))
        } else {
            let upper = self.swapped().lower();
            ((1.0 - upper).max(0.0), upper.min(1.0))
        }
    }

    /// `I`, for points below the mean.
    pub(super) fn lower(self) -> f64 {
        let front = self.prefactor();
        // For a small `a`, such as 1/2 in the middle of a t distribution, the series takes few steps, and the
        // fraction many. For a large one it is the other way around.
        if self.a < 2.0 && self.x < 0.7 { front * self.series() / self.a } else { front * self.fraction() }
    }

    /// `x^a y^b / B(a, b)`, by the errors of Stirling's formula, so that no large logarithms are subtracted
    /// (DiDonato and Morris, "Algorithm 708", 1992).
    pub(super) fn prefactor(self) -> f64 {
        let Self { a, b, x, y, below_mean } = self;
        let sum = a + b;
        let part = |a: f64, x: f64, z: f64| {
            // Close to -1, `1 + z` has lost the digits of `x`; both parts then lack the same `-below_mean`.
            if z < -0.4 { a * (sum / a * x).ln() - a * z } else { a * log1p_minus(z) }
        };
        let exponent = part(a, x, -below_mean / a) + part(b, y, below_mean / b);
        let stirling = stirling_error(sum) - stirling_error(a) - stirling_error(b);
        (a / sum * b / TAU).sqrt() * (exponent + stirling).exp()
    }

    /// `1 + (a + b) / (a + 1) x + (a + b) (a + b + 1) / ((a + 1) (a + 2)) x^2 + ...` (DLMF 8.17.8); all terms
    /// are positive.
    fn series(self) -> f64 {
        let (mut term, mut sum, mut k) = (1.0, 1.0, 0.0);
        for _ in 0..MAX_STEPS {
            term *= (self.a + self.b + k) / (self.a + 1.0 + k) * self.x;
            k += 1.0;
            sum += term;
            if term < sum * 1e-17 {
                break;
            }
        }
        sum
    }

    /// The continued fraction of `I / (x^a y^b / B(a, b))` by DiDonato and Morris, by Lentz's method. Written
    /// with `below_mean` it stays exact for 10^12 degrees of freedom, where DLMF 8.17.22 subtracts equal
    /// numbers.
    fn fraction(self) -> f64 {
        let Self { a, b, x, y, below_mean } = self;
        let denominator = |m: f64| {
            let even = if m > 0.0 { m * (b - m) * x / (a + 2.0 * m - 1.0) } else { 0.0 };
            m + even + (a + m) * (below_mean + 1.0 + m * (1.0 + y)) / (a + 2.0 * m + 1.0)
        };
        let numerator = |m: f64| {
            let scale = 1.0 / (a + 2.0 * m - 1.0);
            (((a + m - 1.0) * scale) * ((a + b + m - 1.0) * scale)) * m * (b - m) * x * x
        };
        let mut d = 1.0 / denominator(0.0);
        let mut c = f64::MAX;
        let mut value = d;
        for step in 1..MAX_STEPS {
            let m = f64::from(step);
            let (above, below) = (numerator(m), denominator(m));
            d = 1.0 / (above * d + below);
            c = below + above / c;
            let factor = c * d;
            value *= factor;
            if (factor - 1.0).abs() < 2e-16 {
                break;
            }
        }
        value
    }
}
