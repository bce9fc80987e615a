//! What all tests need to know of two groups.

use crate::problem::{Problem, Side, finite};

/// A group of units, reduced to what tests need.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Group {
    /// How many units there are, as a float.
    pub(crate) units: f64,
    /// The value of the group, without adjustment.
    pub(crate) value: f64,
    /// The variance of the estimate times the units: for a mean, the variance of the values.
    pub(crate) variance: f64,
}

/// Two groups that a test can compare, with at least two units and a positive variance each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Groups {
    pub(crate) control: Group,
    pub(crate) variant: Group,
    /// The estimate of the absolute lift, which CUPED adjusts.
    pub(crate) difference: f64,
    /// The variance of the relative lift by the delta method, if the control is not zero.
    pub(crate) relative_variance: Option<f64>,
}

impl Groups {
    /// Two groups whose values are independent and not adjusted.
    pub(crate) fn independent(control: Group, variant: Group) -> Result<Self, Problem> {
        let relative_variance = (control.value != 0.0).then(|| {
            let ratio = variant.value / control.value;
            let scale = 1.0 / control.value;
            (variant.variance / variant.units * scale
                + control.variance / control.units * scale * ratio * ratio)
                * scale
        });
        Self::new(control, variant, variant.value - control.value, relative_variance)
    }

    /// Two groups with a difference and a relative variance of their own.
    pub(crate) fn new(
        control: Group,
        variant: Group,
        difference: f64,
        relative_variance: Option<f64>,
    ) -> Result<Self, Problem> {
        for (side, group) in [(Side::Control, control), (Side::Variant, variant)] {
            finite("the value of a group", group.value)?;
            finite("the variance of a group", group.variance)?;
            if group.variance <= 0.0 {
                return Err(Problem::ZeroVariance(side));
            }
        }
        finite("the difference", difference)?;
        Ok(Self { control, variant, difference, relative_variance })
    }

    /// The variance of the absolute lift.
    pub(crate) fn absolute_variance(&self) -> f64 {
        self.variant.variance / self.variant.units + self.control.variance / self.control.units
    }

    /// The relative lift and its variance.
    ///
    /// # Errors
    ///
    /// [`Problem::ZeroControl`]; [`Problem::NotFinite`] if the control is so close to zero that the lift
    /// overflows.
    pub(crate) fn relative(&self) -> Result<(f64, f64), Problem> {
        let variance = self.relative_variance.ok_or(Problem::ZeroControl)?;
        let lift = finite("the relative lift", self.difference / self.control.value)?;
        Ok((lift, finite("the variance of the relative lift", variance)?))
    }

    /// The units of both groups.
    pub(crate) fn units(&self) -> f64 {
        self.control.units + self.variant.units
    }

    /// The degrees of freedom by Welch and Satterthwaite (B. L. Welch, 1947).
    pub(crate) fn degrees_of_freedom(&self) -> f64 {
        // Shares of the variance, since squares of variances would overflow.
        let variant = self.variant.variance / self.variant.units;
        let share = variant / (variant + self.control.variance / self.control.units);
        let rest = 1.0 - share;
        1.0 / (share * share / (self.variant.units - 1.0) + rest * rest / (self.control.units - 1.0))
    }
}

/// A kind of metric, of which two groups can be compared.
pub trait Comparison {
    /// Compares a variant with its control.
    ///
    /// # Errors
    ///
    /// What makes that impossible.
    fn compare(control: &Self, variant: &Self) -> Result<Groups, Problem>;
}

/// Checks that a group has units enough.
pub(crate) fn enough(side: Side, units: u64, needed: u64) -> Result<(), Problem> {
    if units < needed { Err(Problem::TooFewUnits { side, units, needed }) } else { Ok(()) }
}
