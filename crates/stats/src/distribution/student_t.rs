//! Student's t distribution.

use super::{
    Normal,
    incomplete_beta::Point,
    invert::invert,
    special::{LEAST, stirling_error},
};

/// Above this, the ratio of `t` to the root of the degrees of freedom is squared to more than 10^16.
const FAR: f64 = 1e8;

/// Above this, a t distribution is the normal distribution to the last bit, for all `t` that have a
/// probability.
const NORMAL_ABOVE: f64 = 1e21;

/// Student's t distribution, by the incomplete beta function (DLMF 8.17, Abramowitz and Stegun 26.7.1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StudentT {
    degrees_of_freedom: f64,
}

impl StudentT {
    /// The distribution with so many degrees of freedom, which need not be whole. Below 10^-6, all functions
    /// return `NaN`.
    pub fn new(degrees_of_freedom: f64) -> Self {
        Self { degrees_of_freedom: if degrees_of_freedom >= LEAST { degrees_of_freedom } else { f64::NAN } }
    }

    /// The density at `x`.
    pub fn pdf(self, x: f64) -> f64 {
        let df = self.degrees_of_freedom;
        if df > NORMAL_ABOVE {
            return Normal.pdf(x);
        }
        // Γ((df + 1) / 2) / (Γ(df / 2) √(df π)) is close to 1 / √(2 π).
        let shape = stirling_error(0.5 * (df + 1.0)) - stirling_error(0.5 * df)
            + 0.5 * (df * (1.0 / df).ln_1p() - 1.0);
        let ratio = x.abs() / df.sqrt();
        let log1p_square = if ratio > FAR { 2.0 * ratio.ln() } else { (ratio * ratio).ln_1p() };
        (shape - 0.5 * (df + 1.0) * log1p_square).exp() / std::f64::consts::TAU.sqrt()
    }

    /// The probability of at most `x`.
    pub fn cdf(self, x: f64) -> f64 {
        self.sf(-x)
    }

    /// The probability of more than `x`.
    pub fn sf(self, x: f64) -> f64 {
        if x.is_nan() || self.degrees_of_freedom.is_nan() {
            return f64::NAN;
        }
        if self.degrees_of_freedom > NORMAL_ABOVE {
            return Normal.sf(x);
        }
        let (tail, center) = self.parts(x.abs());
        if x >= 0.0 { tail } else { 0.5 + center }
    }

    /// The quantile of a probability: `cdf(ppf(p))` is `p`. `NaN` unless `p` is within 0 and 1.
    pub fn ppf(self, p: f64) -> f64 {
        if !(0.0..=1.0).contains(&p) || self.degrees_of_freedom.is_nan() {
            return f64::NAN;
        }
        if self.degrees_of_freedom > NORMAL_ABOVE {
            return Normal.ppf(p);
        }
        if p == 0.5 {
            return 0.0;
        }
        let magnitude = if (0.25..=0.75).contains(&p) {
            self.center_quantile((p - 0.5).abs())
        } else {
            self.tail_quantile(p.min(1.0 - p))
        };
        if p < 0.5 { -magnitude } else { magnitude }
    }

    /// The quantile of an upper probability: `sf(isf(p))` is `p`.
    pub fn isf(self, p: f64) -> f64 {
        -self.ppf(p)
    }

    /// The probabilities of more than `t`, and of between 0 and `t`, for `t >= 0`. Both are exact if they are
    /// small.
    fn parts(self, t: f64) -> (f64, f64) {
        let df = self.degrees_of_freedom;
        let ratio = t / df.sqrt();
        if ratio > FAR {
            return (self.far_tail(ratio), 0.5);
        }
        let square = ratio * ratio;
        let (x, y) = (1.0 / (1.0 + square), square / (1.0 + square));
        // df / 2 * y - x / 2
        let below_mean = 0.5 * (t - 1.0) * (t + 1.0) / (1.0 + square);
        let point = Point { a: 0.5 * df, b: 0.5, x, y, below_mean };
        let (outside, inside) = point.probabilities();
        (0.5 * outside, 0.5 * inside)
    }

    /// The probability of more than `ratio * √df` if that is so far that all terms but the first vanish:
    /// `ratio^-df / (df B(df / 2, 1 / 2))`.
    fn far_tail(self, ratio: f64) -> f64 {
        let half = 0.5 * self.degrees_of_freedom;
        // With x and y each 1/2, the front is 2^-(a + b) / B(a, b).
        let front = Point { a: half, b: 0.5, x: 0.5, y: 0.5, below_mean: 0.5 * half - 0.25 }.prefactor();
        let power = (half + 0.5) * std::f64::consts::LN_2 - self.degrees_of_freedom * ratio.ln();
        front * power.exp() / self.degrees_of_freedom
    }

    /// `t` with this probability between 0 and `t`, which is at most a quarter.
    fn center_quantile(self, probability: f64) -> f64 {
        let start = (probability / self.pdf(0.0)).ln();
        let target = probability.ln();
        let found = invert(target, start, true, |log| {
            let t = log.exp();
            let center = self.parts(t).1;
            (center.ln(), t * self.pdf(t) / center)
        });
        found.exp()
    }

    /// `t` with this probability of more than `t`, which is below a quarter.
    fn tail_quantile(self, probability: f64) -> f64 {
        if probability == 0.0 {
            return f64::INFINITY;
        }
        let df = self.degrees_of_freedom;
        // The far tail is a power of t, and bounds t from above; the normal quantile bounds it from below.
        let normal = Normal.isf(probability);
        let power = (self.far_tail(1.0).ln() - probability.ln()) / df + 0.5 * df.ln();
        let start = if normal * normal > 4.0 * df { power } else { normal.ln() };
        let found = invert(probability.ln(), start, false, |log| {
            let t = log.exp();
            let tail = self.parts(t).0;
            (tail.ln(), -t * self.pdf(t) / tail)
        });
        found.exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_degrees_of_freedom_approach_the_normal_distribution() {
        for df in [1e13, 1e16, 1e19, 0.99 * NORMAL_ABOVE, 1.01 * NORMAL_ABOVE, f64::INFINITY] {
            let t = StudentT::new(df);
            for p in [1e-12, 0.025, 0.4, 0.975] {
                assert!((t.ppf(p) / Normal.ppf(p) - 1.0).abs() < 1e-11, "{df} {p}");
            }
            assert!((t.sf(5.0) / Normal.sf(5.0) - 1.0).abs() < 1e-10 && t.cdf(0.0) == 0.5, "{df}");
        }
    }
}
