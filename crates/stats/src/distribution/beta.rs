//! The beta distribution.

use super::{incomplete_beta::Point, invert::invert, special::LEAST};

/// The beta distribution, by the incomplete beta function (DLMF 8.17).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Beta {
    a: f64,
    b: f64,
}

impl Beta {
    /// The distribution with these shapes. Unless both are finite and at least 10^-6, all functions return
    /// `NaN`.
    pub fn new(a: f64, b: f64) -> Self {
        let valid = |shape: f64| shape >= LEAST && shape.is_finite();
        if valid(a) && valid(b) { Self { a, b } } else { Self { a: f64::NAN, b: f64::NAN } }
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
        if !(0.0..=1.0).contains(&p) || self.a.is_nan() {
            return f64::NAN;
        }
        if p == 0.0 || p == 1.0 {
            return p;
        }
        let by_below = p <= 0.5;
        let target = if by_below { p } else { 1.0 - p };
        // On the logarithm of the odds, so that quantiles close to 0 keep their digits.
        let found = invert(target.ln(), (self.a / self.b).ln(), by_below, |odds| {
            let (x, y) = (1.0 / (1.0 + (-odds).exp()), 1.0 / (1.0 + odds.exp()));
            let point = self.point(x, y);
            let (below, above) = point.probabilities();
            let density = point.prefactor();
            if by_below { (below.ln(), density / below) } else { (above.ln(), -density / above) }
        });
        1.0 / (1.0 + (-found).exp())
    }

    /// The quantile of an upper probability: `sf(isf(p))` is `p`.
    pub fn isf(self, p: f64) -> f64 {
        1.0 - Self { a: self.b, b: self.a }.ppf(p)
    }

    fn point(self, x: f64, y: f64) -> Point {
        // a - (a + b) x, rounded once, and with what the sum of the shapes has lost.
        let sum = self.a + self.b;
        let (large, small) = if self.a > self.b { (self.a, self.b) } else { (self.b, self.a) };
        let lost = small - (sum - large);
        let below_mean =
            if x < 0.5 { (-sum).mul_add(x, self.a) - lost * x } else { sum.mul_add(y, -self.b) + lost * y };
        Point { a: self.a, b: self.b, x, y, below_mean }
    }

    fn probabilities(self, x: f64) -> (f64, f64) {
        if x.is_nan() || self.a.is_nan() {
            return (f64::NAN, f64::NAN);
        }
        let x = x.clamp(0.0, 1.0);
        self.point(x, 1.0 - x).probabilities()
    }
}
