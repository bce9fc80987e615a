//! Why numbers have no estimate.

/// One of the two compared groups of units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The group that the other one is compared with.
    Control,
    /// The group with the change.
    Variant,
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Control => "the control",
            Self::Variant => "the variant",
        })
    }
}

/// What makes an estimate impossible.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A group has fewer units than its estimate takes.
    #[error("{side} has {units} units, expected at least {needed}; wait for more")]
    TooFewUnits {
        /// The group.
        side: Side,
        /// How many units it has.
        units: u64,
        /// How many it needs.
        needed: u64,
    },
    /// All units of a group have the same value.
    #[error("all units of {0} have the same value, expected values that vary; wait for more units")]
    ZeroVariance(Side),
    /// A relative lift divides by the value of the control.
    #[error("the value of the control is zero, so there is no relative lift; read the absolute one")]
    ZeroControl,
    /// The denominator of a ratio is zero on average.
    #[error("the denominators of {0} sum to zero, expected a sum that is not zero; check the metric")]
    ZeroDenominator(Side),
    /// A number is infinite or not a number.
    #[error("{0} is not a finite number; check the metric")]
    NotFinite(&'static str),
    /// A number is outside of its range.
    #[error("{name} is {value}, expected {expected}")]
    OutOfRange {
        /// What the number is.
        name: &'static str,
        /// The number.
        value: f64,
        /// What was expected.
        expected: &'static str,
    },
    /// The sums cannot be those of real values, or have lost the digits that the variance depends on.
    #[error(
        "the sum of squares has lost the digits of the variance; sum `value - pivot` and its square, with a pivot \
         close to the mean"
    )]
    LostDigits,
    /// Two lists must have the same length.
    #[error("{left} {left_name} and {right} {right_name}, expected as many")]
    DifferentLengths {
        /// The length of the first list.
        left: usize,
        /// What the first list has.
        left_name: &'static str,
        /// The length of the second list.
        right: usize,
        /// What the second list has.
        right_name: &'static str,
    },
}

/// Returns the number if it is finite.
///
/// # Errors
///
/// [`Problem::NotFinite`] otherwise.
pub(crate) fn finite(name: &'static str, value: f64) -> Result<f64, Problem> {
    if value.is_finite() { Ok(value) } else { Err(Problem::NotFinite(name)) }
}

/// Returns the number if it is greater than 0 and less than 1.
///
/// # Errors
///
/// [`Problem::OutOfRange`] otherwise.
pub(crate) fn fraction(name: &'static str, value: f64) -> Result<f64, Problem> {
    if value > 0.0 && value < 1.0 {
        Ok(value)
    } else {
        Err(Problem::OutOfRange { name, value, expected: "a number between 0 and 1" })
    }
}

/// Returns the number if it is positive and finite.
///
/// # Errors
///
/// [`Problem::OutOfRange`] otherwise.
pub(crate) fn positive(name: &'static str, value: f64) -> Result<f64, Problem> {
    if value > 0.0 && value.is_finite() {
        Ok(value)
    } else {
        Err(Problem::OutOfRange { name, value, expected: "a positive number" })
    }
}
