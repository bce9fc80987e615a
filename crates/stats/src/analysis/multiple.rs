//! Adjusts p-values for how many there are.

use crate::problem::Problem;

/// p-values that are raised so that, with all of them, the chance of any false alarm stays below alpha (S.
/// Holm, "A simple sequentially rejective multiple test procedure", 1979). In the order that they were given
/// in.
///
/// # Errors
///
/// [`Problem::OutOfRange`] for a p-value that is not within 0 and 1.
pub fn holm(p_values: &[f64]) -> Result<Vec<f64>, Problem> {
    adjust(p_values, false)
}

/// p-values that are raised so that the share of false alarms among all alarms stays below alpha (Y.
/// Benjamini, Y. Hochberg, "Controlling the false discovery rate", 1995). In the order that they were given
/// in.
///
/// # Errors
///
/// [`Problem::OutOfRange`] for a p-value that is not within 0 and 1.
pub fn benjamini_hochberg(p_values: &[f64]) -> Result<Vec<f64>, Problem> {
    adjust(p_values, true)
}

/// Goes up from the smallest value and keeps the largest product, or down from the largest and keeps the
/// smallest.
fn adjust(p_values: &[f64], down: bool) -> Result<Vec<f64>, Problem> {
    for &value in p_values {
        if !(0.0..=1.0).contains(&value) {
            return Err(Problem::OutOfRange {
                name: "a p-value",
                value,
                expected: "a number within 0 and 1",
            });
        }
    }
    let count = p_values.len();
    // Rank from 0, and the value with its place.
    let mut ranked: Vec<(usize, (usize, f64))> = Vec::with_capacity(count);
    let mut sorted: Vec<(usize, f64)> = p_values.iter().copied().enumerate().collect();
    sorted.sort_by(|left, right| left.1.total_cmp(&right.1));
    ranked.extend(sorted.into_iter().enumerate());
    if down {
        ranked.reverse();
    }
    let mut adjusted = vec![0.0; count];
    let mut last = if down { 1.0_f64 } else { 0.0 };
    for (rank, (place, value)) in ranked {
        last = if down {
            (value * float(count) / float(rank + 1)).min(last)
        } else {
            (value * float(count - rank)).min(1.0).max(last)
        };
        if let Some(slot) = adjusted.get_mut(place) {
            *slot = last;
        }
    }
    Ok(adjusted)
}

#[expect(clippy::cast_precision_loss, reason = "no list in memory has 2^53 numbers")]
fn float(count: usize) -> f64 {
    count as f64
}
