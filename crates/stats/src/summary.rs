//! What a database aggregates of the units of a group, in one pass.

use crate::problem::{Problem, finite};

/// More units than any of these have lost their last digit in an `f64`.
const MAX_UNITS: u64 = 1 << 53;

/// The smallest variance, as a part of the mean square. Below it, rounding of sums (10^-12 and more for 10^8
/// values) leaves fewer than two of its digits.
const LEAST_SHARE: f64 = 1e-10;

/// Count, means and centered sums of products of `K` values per unit.
///
/// | `K` | values | metric |
/// |---|---|---|
/// | 1 | outcome | mean |
/// | 2 | outcome, the same before the experiment | mean with CUPED |
/// | 2 | numerator, denominator | ratio |
/// | 4 | numerator, denominator, both before the experiment | ratio with CUPED |
///
/// Sums of squares of values that are large and differ little lose the digits that the variance depends on.
/// Summaries are therefore kept centered, sums of a database are accepted with a pivot, and those that have
/// lost their digits are rejected.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary<const K: usize> {
    units: u64,
    means: [f64; K],
    /// Sums of `(x_i - mean_i) (x_j - mean_j)`; symmetric.
    products: [[f64; K]; K],
}

impl<const K: usize> Default for Summary<K> {
    fn default() -> Self {
        Self { units: 0, means: [0.0; K], products: [[0.0; K]; K] }
    }
}

impl<const K: usize> Summary<K> {
    /// The summary of units whose values were summed after a pivot was subtracted from each: `sums` has the
    /// sums of `x_i - pivot_i`, and `products` those of `(x_i - pivot_i) (x_j - pivot_j)`. Of these, only the
    /// diagonal and what is right of it are read.
    ///
    /// Any pivot close to the mean will do, such as a rounded mean of yesterday. With pivots of zero, these
    /// are plain sums and sums of squares.
    ///
    /// # Errors
    ///
    /// [`Problem::NotFinite`]; [`Problem::OutOfRange`] if there are more than 2^53 units;
    /// [`Problem::LostDigits`] if the variance is less than 10^-10 of the mean square around the pivot.
    pub fn from_sums(
        units: u64,
        pivots: [f64; K],
        sums: [f64; K],
        products: [[f64; K]; K],
    ) -> Result<Self, Problem> {
        check_units(units)?;
        let mut summary = Self { units, ..Self::default() };
        if units == 0 {
            return Ok(summary);
        }
        let count = to_float(units);
        for ((mean, pivot), sum) in summary.means.iter_mut().zip(pivots).zip(sums) {
            *mean = finite("a sum", pivot + sum / count)?;
        }
        for (i, row) in summary.products.iter_mut().enumerate() {
            for (j, product) in row.iter_mut().enumerate() {
                let (low, high) = (i.min(j), i.max(j));
                let at = |i: usize| sums.get(i).copied().unwrap_or_default();
                let whole = finite(
                    "a sum of products",
                    products.get(low).and_then(|row| row.get(high)).copied().unwrap_or_default(),
                )?;
                *product = finite("a sum of products", centered(whole, at(low), at(high), count))?;
                if i == j {
                    *product = checked_square(*product, whole, units)?;
                }
            }
        }
        Ok(summary)
    }

    /// Adds a unit.
    ///
    /// # Errors
    ///
    /// [`Problem::NotFinite`], after which the summary is as before.
    pub fn add(&mut self, values: [f64; K]) -> Result<(), Problem> {
        let unit = Self { units: 1, means: values, products: [[0.0; K]; K] };
        *self = self.merged(&unit)?;
        Ok(())
    }

    /// The summary of the units of both (T. Chan, G. Golub, R. LeVeque, "Updating formulae and a pairwise
    /// algorithm for computing sample variances", 1979).
    ///
    /// # Errors
    ///
    /// [`Problem::NotFinite`]; [`Problem::OutOfRange`] if there are more than 2^53 units.
    pub fn merged(&self, other: &Self) -> Result<Self, Problem> {
        let units = self.units.saturating_add(other.units);
        check_units(units)?;
        if self.units == 0 {
            return other.checked();
        }
        let (count, theirs) = (to_float(units), to_float(other.units));
        let share = theirs / count;
        let mut differences = [0.0; K];
        for ((difference, own), their) in differences.iter_mut().zip(self.means).zip(other.means) {
            *difference = their - own;
        }
        let mut merged = Self { units, ..*self };
        for (mean, difference) in merged.means.iter_mut().zip(differences) {
            *mean += difference * share;
        }
        let weight = to_float(self.units) * share;
        for ((row, their_row), left) in merged.products.iter_mut().zip(other.products).zip(differences) {
            for ((product, their), right) in row.iter_mut().zip(their_row).zip(differences) {
                *product += their + left * right * weight;
            }
        }
        merged.checked()
    }

    /// The number of units.
    pub fn units(&self) -> u64 {
        self.units
    }

    /// The mean of each value; zeros without units.
    pub fn means(&self) -> [f64; K] {
        self.means
    }

    /// The unbiased covariances of the values; zeros with fewer than two units.
    pub fn covariances(&self) -> [[f64; K]; K] {
        let divisor = to_float(self.units.saturating_sub(1).max(1));
        self.products.map(|row| row.map(|product| product / divisor))
    }

    fn checked(&self) -> Result<Self, Problem> {
        for number in self.means.iter().chain(self.products.iter().flatten()) {
            finite("a sum", *number)?;
        }
        Ok(*self)
    }
}

impl Summary<1> {
    /// The summary of one value per unit, from its sum and its sum of squares.
    ///
    /// # Errors
    ///
    /// Those of [`Summary::from_sums`].
    pub fn from_sum(units: u64, sum: f64, sum_of_squares: f64) -> Result<Self, Problem> {
        Self::from_sums(units, [0.0], [sum], [[sum_of_squares]])
    }
}

/// The number as a float, which is exact for as many units as a summary can have.
#[expect(clippy::cast_precision_loss, reason = "summaries have at most 2^53 units")]
pub(crate) fn to_float(units: u64) -> f64 {
    units as f64
}

fn check_units(units: u64) -> Result<(), Problem> {
    if units > MAX_UNITS {
        let value = to_float(units);
        return Err(Problem::OutOfRange { name: "the number of units", value, expected: "at most 2^53" });
    }
    Ok(())
}

/// `product - left right / count`, with the digits that the product of both sums has beyond an `f64`.
fn centered(product: f64, left: f64, right: f64, count: f64) -> f64 {
    let quotient = left / count;
    let quotient_rest = (-quotient).mul_add(count, left) / count;
    let high = quotient * right;
    let low = quotient.mul_add(right, -high) + quotient_rest * right;
    (product - high) - low
}

/// The centered sum of squares, if enough digits of it are left.
fn checked_square(square: f64, whole: f64, units: u64) -> Result<f64, Problem> {
    if whole < 0.0 || square < LEAST_SHARE * whole && units > 1 {
        // Of whole numbers that are equal, nothing is lost.
        return if square == 0.0 { Ok(0.0) } else { Err(Problem::LostDigits) };
    }
    // A single unit does not vary.
    Ok(if units > 1 { square } else { 0.0 })
}
