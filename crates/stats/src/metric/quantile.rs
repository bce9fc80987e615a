//! Quantiles: the 90th percentile of load times.

use super::{
    group::{Comparison, Group, Groups, enough},
    ratio::quadratic,
};
use crate::{
    distribution::Normal,
    problem::{Problem, Side, finite, fraction},
    summary::{Summary, to_float},
};

/// The confidence of the interval that a database reads, which the variance is computed from.
const ALPHA: f64 = 0.05;

/// Where a database reads the values that the variance of a quantile is computed from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuantileRanks {
    /// The level of the lower value, such as 0.8906 for the level 0.9 of 1,000 events.
    pub lower: f64,
    /// The level of the upper value.
    pub upper: f64,
}

impl QuantileRanks {
    /// The levels of the order statistics that enclose a quantile in 95 % of samples of this size
    /// (the binomial distribution of their ranks, by its normal approximation).
    ///
    /// # Errors
    ///
    /// [`Problem::OutOfRange`] if the level is not between 0 and 1; [`Problem::TooFewUnits`] if the levels
    /// are not.
    pub fn new(level: f64, events: u64) -> Result<Self, Problem> {
        check_events(Side::Control, level, events)?;
        let width = Normal.isf(ALPHA / 2.0) * (level * (1.0 - level) / to_float(events)).sqrt();
        Ok(Self { lower: level - width, upper: level + width })
    }
}

/// A quantile of events that are independent: one per unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantile {
    /// How many events there are.
    pub events: u64,
    /// The number of events that [`QuantileRanks`] was given, if it is not the same for both groups: a
    /// database that reads the same levels in all groups has to take one number.
    pub ranked_events: u64,
    /// The level, such as 0.9.
    pub level: f64,
    /// The value at the level.
    pub value: f64,
    /// The value at [`QuantileRanks::lower`].
    pub lower: f64,
    /// The value at [`QuantileRanks::upper`].
    pub upper: f64,
}

/// A quantile of events of which units have several, so that they depend on each other: page loads of users.
///
/// The variance of independent events, times how much more the share of events below the quantile varies (A.
/// Deng, U. Knoblich, J. Lu, "Applying the delta method in metric analytics", 2018, section 4.3).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClusteredQuantile {
    /// The quantile of all events.
    pub quantile: Quantile,
    /// Per unit: the number of its events that are at most the quantile, and the number of its events.
    pub units: Summary<2>,
}

/// Checks that the order statistics of a quantile exist.
fn check_events(side: Side, level: f64, events: u64) -> Result<(), Problem> {
    fraction("the level of the quantile", level)?;
    let rare = level.min(1.0 - level);
    let least = Normal.isf(ALPHA / 2.0).powi(2) * (1.0 - rare) / rare;
    // Saturates for levels that no number of events suffices for.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a positive number; saturates"
    )]
    let needed = (least.floor() as u64).saturating_add(1);
    enough(side, events, needed.max(2))
}

impl Quantile {
    /// The variance as if events were independent, times the number of events.
    fn group(&self, side: Side) -> Result<Group, Problem> {
        check_events(side, self.level, self.events)?;
        finite("the value of the quantile", self.value)?;
        let width = finite("the interval of the quantile", self.upper - self.lower)?;
        if width < 0.0 {
            let expected = "at least its lower value";
            return Err(Problem::OutOfRange {
                name: "the upper value of the quantile",
                value: self.upper,
                expected,
            });
        }
        let deviation = width / (2.0 * Normal.isf(ALPHA / 2.0));
        let units = to_float(self.events);
        let variance = to_float(self.ranked_events) / units * (units - 1.0) * deviation * deviation;
        Ok(Group { units, value: self.value, variance })
    }
}

impl ClusteredQuantile {
    fn group(&self, side: Side) -> Result<Group, Problem> {
        let group = self.quantile.group(side)?;
        enough(side, self.units.units(), 2)?;
        let [below, events] = self.units.means();
        if events <= 0.0 {
            return Err(Problem::ZeroDenominator(side));
        }
        // The share of events that are below, as a ratio of sums over units.
        let slopes = [1.0 / events, -below / events / events];
        let clustered = quadratic(&slopes, &self.units.covariances(), &slopes) / to_float(self.units.units());
        let level = self.quantile.level;
        let independent = level * (1.0 - level) / group.units;
        Ok(Group { variance: group.variance * (clustered / independent), ..group })
    }
}

impl Comparison for Quantile {
    fn compare(control: &Self, variant: &Self) -> Result<Groups, Problem> {
        Groups::independent(control.group(Side::Control)?, variant.group(Side::Variant)?)
    }
}

impl Comparison for ClusteredQuantile {
    fn compare(control: &Self, variant: &Self) -> Result<Groups, Problem> {
        Groups::independent(control.group(Side::Control)?, variant.group(Side::Variant)?)
    }
}
