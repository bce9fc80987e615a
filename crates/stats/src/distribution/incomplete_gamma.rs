//! The regularized incomplete gamma functions P and Q (DLMF 8.2).

use std::f64::consts::TAU;

use super::special::{log1p_minus, stirling_error};

/// More steps than any argument takes that an experiment has; bounds the time of all others.
const MAX_STEPS: u32 = 200_000;

/// `(P(a, x), Q(a, x))`, for `a > 0` and `x >= 0`. The smaller one is computed, the other one is the rest to
/// 1.
pub(super) fn gamma_pq(a: f64, x: f64) -> (f64, f64) {
    if x <= 0.0 {
        return (0.0, 1.0);
    }
    if x == f64::INFINITY {
        return (1.0, 0.0);
    }
    let front = prefactor(a, x);
    if x < a + 1.0 {
        let p = front * series(a, x) / a;
        (p.min(1.0), (1.0 - p).max(0.0))
    } else {
        let q = front * fraction(a, x);
        ((1.0 - q).max(0.0), q.min(1.0))
    }
}

/// `x^a e^-x / Γ(a)`, by the error of Stirling's formula, so that no large logarithms are subtracted.
pub(super) fn prefactor(a: f64, x: f64) -> f64 {
    let z = (x - a) / a;
    // Close to -1, `1 + z` has lost the digits of `x`.
    let exponent = if z < -0.4 { a * (x / a).ln() + (a - x) } else { a * log1p_minus(z) };
    (a / TAU).sqrt() * (exponent - stirling_error(a)).exp()
}

/// `1 + x / (a + 1) + x^2 / ((a + 1) (a + 2)) + ...` (DLMF 8.7.1); all terms are positive.
fn series(a: f64, x: f64) -> f64 {
    let (mut term, mut sum, mut k) = (1.0, 1.0, a);
    for _ in 0..MAX_STEPS {
        k += 1.0;
        term *= x / k;
        sum += term;
        if term < sum * 1e-17 {
            break;
        }
    }
    sum
}

/// Legendre's continued fraction of `Γ(a, x) e^x x^-a` (DLMF 8.9.2, contracted), by Lentz's method.
fn fraction(a: f64, x: f64) -> f64 {
    let mut b = x + 1.0 - a;
    let mut c = f64::MAX;
    let mut d = 1.0 / b;
    let mut value = d;
    for step in 1..MAX_STEPS {
        let k = f64::from(step);
        let numerator = -k * (k - a);
        b += 2.0;
        d = 1.0 / (numerator * d + b);
        c = b + numerator / c;
        let factor = c * d;
        value *= factor;
        if (factor - 1.0).abs() < 2e-16 {
            break;
        }
    }
    value
}
