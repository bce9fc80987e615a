//! Building blocks: logarithms without cancellation.

use std::f64::consts::TAU;

/// Distributions with smaller shapes or degrees of freedom do not occur, and their probabilities would have
/// no digits.
pub(super) const LEAST: f64 = 1e-6;

/// The natural logarithm of the gamma function of a positive number; `NaN` for others.
///
/// From `libm`, a translation of FreeBSD's `e_lgamma_r.c`.
pub fn log_gamma(x: f64) -> f64 {
    if x > 0.0 { libm::lgamma(x) } else { f64::NAN }
}

/// Coefficients of Stirling's series, `B(2k) / (2k (2k - 1))` (DLMF 5.11.1).
const STIRLING: [f64; 9] = [
    1.0 / 12.0,
    -1.0 / 360.0,
    1.0 / 1260.0,
    -1.0 / 1680.0,
    1.0 / 1188.0,
    -691.0 / 360_360.0,
    1.0 / 156.0,
    -3617.0 / 122_400.0,
    43867.0 / 244_188.0,
];

/// What Stirling's formula lacks: `ln Γ(x) - ((x - 1/2) ln x - x + ln(2 π) / 2)`, for positive `x`.
///
/// The difference of large logarithms would lose as many digits as the logarithm has before the point (C.
/// Loader, "Fast and accurate computation of binomial probabilities", 2000).
pub(super) fn stirling_error(x: f64) -> f64 {
    if x < 10.0 {
        return log_gamma(x) - ((x - 0.5) * x.ln() - x + 0.5 * TAU.ln());
    }
    let square = 1.0 / (x * x);
    STIRLING.iter().rev().fold(0.0, |sum, coefficient| sum * square + coefficient) / x
}

/// `ln(1 + x) - x`, for `x > -1`.
///
/// With `s = x / (2 + x)`, `ln(1 + x)` is `2 (s + s^3 / 3 + s^5 / 5 + ...)`, and `2 s - x` is `-s x`.
pub(super) fn log1p_minus(x: f64) -> f64 {
    if !(-0.4..0.8).contains(&x) {
        return x.ln_1p() - x;
    }
    let s = x / (2.0 + x);
    let square = s * s;
    let (mut sum, mut power, mut k) = (0.0, square * s, 3.0);
    loop {
        let next = sum + power / k;
        // Also true of zero.
        if next == sum {
            return 2.0 * sum - s * x;
        }
        (sum, power, k) = (next, power * square, k + 2.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stirling_error_is_continuous_where_the_method_changes() {
        let (below, above) = (stirling_error(10.0 - 1e-12), stirling_error(10.0));
        assert!((below / above - 1.0).abs() < 1e-11, "{below} {above}");
    }

    #[test]
    fn log1p_minus_equals_its_series_for_small_numbers() {
        let x = 1e-5;
        let series = -x * x / 2.0 + x * x * x / 3.0 - x * x * x * x / 4.0;
        assert!((log1p_minus(x) / series - 1.0).abs() < 1e-14);
        assert_eq!(log1p_minus(0.0), 0.0);
    }
}
