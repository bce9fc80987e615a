//! How many units an experiment needs, before it starts.

use crate::{
    analysis::Sequential,
    distribution::Normal,
    problem::{Problem, finite, fraction, positive},
};

/// What is known of a metric before the experiment, of one unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Baseline {
    /// The mean, or the proportion.
    mean: f64,
    /// The variance of the control.
    variance: f64,
    is_proportion: bool,
}

impl Baseline {
    /// A mean and its standard deviation. With CUPED, multiply the deviation by `sqrt(1 - r^2)`, where `r` is
    /// the correlation with the values before the experiment.
    ///
    /// # Errors
    ///
    /// [`Problem::ZeroControl`]; [`Problem::OutOfRange`] if the deviation is not positive.
    pub fn mean(mean: f64, deviation: f64) -> Result<Self, Problem> {
        if mean == 0.0 || !mean.is_finite() {
            return Err(Problem::ZeroControl);
        }
        let variance = positive("the variance", positive("the standard deviation", deviation)?.powi(2))?;
        Ok(Self { mean, variance, is_proportion: false })
    }

    /// A proportion.
    ///
    /// # Errors
    ///
    /// [`Problem::OutOfRange`] if the proportion is not between 0 and 1.
    pub fn proportion(proportion: f64) -> Result<Self, Problem> {
        let mean = fraction("the proportion", proportion)?;
        Ok(Self { mean, variance: mean * (1.0 - mean), is_proportion: true })
    }

    /// Variances of control and variant for a relative effect.
    fn variances(&self, effect: f64) -> Result<(f64, f64), Problem> {
        if effect == 0.0 || !effect.is_finite() {
            let expected = "a finite number that is not zero";
            return Err(Problem::OutOfRange { name: "the effect", value: effect, expected });
        }
        if !self.is_proportion {
            return Ok((self.variance, self.variance));
        }
        let changed = fraction("the proportion with the effect", self.mean * (1.0 + effect))?;
        Ok((self.variance, changed * (1.0 - changed)))
    }
}

/// The plan of an experiment with one variant.
///
/// Power is that of the two-sided test of the absolute lift by the normal approximation, which is exact
/// enough for more than a hundred units in each group.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// The share of experiments without an effect that find one.
    pub alpha: f64,
    /// The part of the units that is in the variant; all others are in the control.
    pub variant_share: f64,
    /// The sequential test, if the experiment is read more often than once: it takes more units. Its `alpha`
    /// is not read.
    pub sequential: Option<Sequential>,
}

impl Default for Plan {
    fn default() -> Self {
        Self { alpha: 0.05, variant_share: 0.5, sequential: None }
    }
}

/// No experiment has more units.
const MOST_UNITS: f64 = 1e15;

impl Plan {
    /// The probability that so many units, of both groups together, show a relative effect. For a sequential
    /// test, the probability at the last look; earlier looks add to it.
    ///
    /// # Errors
    ///
    /// [`Problem::OutOfRange`] for a number that makes no plan.
    pub fn power(&self, baseline: &Baseline, effect: f64, units: f64) -> Result<f64, Problem> {
        let error = self.standard_error(baseline, effect, units)?;
        let score = (finite("the absolute effect", baseline.mean * effect)? / error).abs();
        let critical = self.critical(units)?;
        Ok(Normal.sf(critical - score) + Normal.sf(critical + score))
    }

    /// The units, of both groups together, that show a relative effect with this probability.
    ///
    /// # Errors
    ///
    /// [`Problem::OutOfRange`] for a number that makes no plan, and if more than 10^15 units are needed.
    pub fn units(&self, baseline: &Baseline, effect: f64, power: f64) -> Result<u64, Problem> {
        let power = fraction("the power", power)?;
        let (mut low, mut high) = (0.0, 4.0);
        while self.power(baseline, effect, high)? < power {
            (low, high) = (high, high * 2.0);
            if high > MOST_UNITS {
                let expected = "an effect that 10^15 units show";
                return Err(Problem::OutOfRange { name: "the effect", value: effect, expected });
            }
        }
        // Power rises with the units. The first whole number that suffices.
        while high - low > 1.0 {
            let middle = (low + 0.5 * (high - low)).floor();
            if self.power(baseline, effect, middle)? < power { low = middle } else { high = middle }
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 10^15")]
        Ok(high.ceil().max(2.0) as u64)
    }

    /// The smallest positive relative effect that so many units, of both groups together, show with this
    /// probability.
    ///
    /// # Errors
    ///
    /// [`Problem::OutOfRange`] for a number that makes no plan, and if no effect is large enough.
    pub fn effect(&self, baseline: &Baseline, units: f64, power: f64) -> Result<f64, Problem> {
        let power = fraction("the power", power)?;
        // A proportion cannot exceed 1.
        let largest = if baseline.is_proportion { (1.0 - baseline.mean) / baseline.mean } else { 1e12 };
        let (mut low, mut high) = (f64::MIN_POSITIVE, largest * (1.0 - 1e-12));
        if self.power(baseline, high, units)? < power {
            let expected = "enough for an effect that is possible";
            return Err(Problem::OutOfRange { name: "the number of units", value: units, expected });
        }
        loop {
            // Of effects of different sizes, that with the exponent between both.
            let middle = if high / low > 4.0 { low.sqrt() * high.sqrt() } else { low + 0.5 * (high - low) };
            if middle <= low || middle >= high {
                break;
            }
            if self.power(baseline, middle, units)? < power {
                low = middle;
            } else {
                high = middle;
            }
        }
        Ok(high)
    }

    /// The days until there are units enough, if this many new ones arrive each day.
    ///
    /// # Errors
    ///
    /// Those of [`Plan::units`]; [`Problem::OutOfRange`] if no units arrive.
    pub fn days(
        &self,
        baseline: &Baseline,
        effect: f64,
        power: f64,
        units_a_day: f64,
    ) -> Result<u64, Problem> {
        let units_a_day = positive("the number of units a day", units_a_day)?;
        let units = crate::summary::to_float(self.units(baseline, effect, power)?);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive; saturates")]
        Ok((units / units_a_day).ceil() as u64)
    }

    fn standard_error(&self, baseline: &Baseline, effect: f64, units: f64) -> Result<f64, Problem> {
        if !(1.0..=MOST_UNITS).contains(&units) {
            let expected = "at least 1 and at most 10^15";
            return Err(Problem::OutOfRange { name: "the number of units", value: units, expected });
        }
        let share = fraction("the share of the variant", self.variant_share)?;
        let (control, variant) = baseline.variances(effect)?;
        positive("the standard error", (control / (units * (1.0 - share)) + variant / (units * share)).sqrt())
    }

    /// The number of standard errors that an estimate has to be away from zero.
    fn critical(&self, units: f64) -> Result<f64, Problem> {
        let alpha = fraction("alpha", self.alpha)?;
        match self.sequential {
            Some(sequential) => Sequential { alpha, ..sequential }.half_width(units),
            None => Ok(Normal.isf(alpha / 2.0)),
        }
    }
}
