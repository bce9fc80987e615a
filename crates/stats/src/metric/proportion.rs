//! Proportions: the share of users who bought something.

use super::group::{Comparison, Group, Groups, enough};
use crate::{
    problem::{Problem, Side},
    summary::to_float,
};

/// How many units there are, and how many of them have the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proportion {
    units: u64,
    successes: u64,
}

impl Proportion {
    /// A proportion from its counts.
    ///
    /// # Errors
    ///
    /// [`Problem::OutOfRange`] if there are more successes than units.
    pub fn new(units: u64, successes: u64) -> Result<Self, Problem> {
        if successes > units {
            let expected = "at most the number of units";
            return Err(Problem::OutOfRange {
                name: "the number of successes",
                value: to_float(successes),
                expected,
            });
        }
        Ok(Self { units, successes })
    }

    /// The proportion of the units of both.
    #[must_use]
    pub fn merged(self, other: Self) -> Self {
        Self {
            units: self.units.saturating_add(other.units),
            successes: self.successes.saturating_add(other.successes),
        }
    }

    fn group(self, side: Side) -> Result<Group, Problem> {
        enough(side, self.units, 2)?;
        let units = to_float(self.units);
        let value = to_float(self.successes) / units;
        // The variance of one draw, as GrowthBook has it: without the n / (n - 1) of a mean.
        let variance = value * (to_float(self.units - self.successes) / units);
        Ok(Group { units, value, variance })
    }
}

impl Comparison for Proportion {
    fn compare(control: &Self, variant: &Self) -> Result<Groups, Problem> {
        Groups::independent(control.group(Side::Control)?, variant.group(Side::Variant)?)
    }
}
