//! Inverts distribution functions.

/// More steps than a search takes: from 10^-308 to 10^308 and to the last bit by halving alone takes 1,100.
const MAX_STEPS: u32 = 2_000;

/// Finds `u` with `log_probability(u) = target`, for a function that rises, or falls, throughout, from a
/// start.
///
/// `log_probability` returns the logarithm of the probability and its derivative. Newton's method on
/// logarithms converges in a few steps even for probabilities of 10^-300; steps that leave the bracket halve
/// it instead.
pub(super) fn invert(
    target: f64,
    start: f64,
    rises: bool,
    log_probability: impl Fn(f64) -> (f64, f64),
) -> f64 {
    let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
    let mut u = start;
    let mut reach = 1.0;
    for _ in 0..MAX_STEPS {
        let (value, slope) = log_probability(u);
        let excess = value - target;
        if excess == 0.0 || excess.is_nan() {
            break;
        }
        // The slope has no sign where the probability is 0.
        if (excess > 0.0) == rises {
            high = u;
        } else {
            low = u;
        }
        let newton = u - excess / slope;
        if newton > low && newton < high && (newton - u).abs() <= 8.0 * reach {
            // The error is about the square of the step.
            if (newton - u).abs() <= 1e-9 * u.abs().max(1.0) {
                return newton;
            }
            u = newton;
            continue;
        }
        let next = if low.is_finite() && high.is_finite() {
            low + 0.5 * (high - low)
        } else {
            reach *= 2.0;
            if low.is_finite() { u + reach } else { u - reach }
        };
        if next == u {
            break;
        }
        u = next;
    }
    u
}
