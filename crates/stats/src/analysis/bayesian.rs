//! The posterior of a lift.

use crate::{
    distribution::Normal,
    metric::{Comparison, Groups},
    problem::{Problem, finite, fraction, positive},
};

/// What a prior is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PriorScale {
    /// The lift as a part of the control's value.
    Relative,
    /// The difference of the values.
    Absolute,
}

/// What is believed about lifts before the experiment: a normal distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prior {
    /// The mean of lifts.
    pub mean: f64,
    /// The standard deviation of lifts.
    pub deviation: f64,
    /// What the lift is a part of.
    pub scale: PriorScale,
}

/// A normal posterior of the lift, from a normal likelihood and a normal prior, or without a prior.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bayesian {
    /// The probability outside of the credible interval: 0.05 gives intervals of 95 %.
    pub alpha: f64,
    /// What is believed before; without it, all lifts are equally likely.
    pub prior: Option<Prior>,
    /// Less is better, as for load times.
    pub less_is_better: bool,
}

impl Default for Bayesian {
    fn default() -> Self {
        Self { alpha: 0.05, prior: None, less_is_better: false }
    }
}

/// What is believed about a lift after the experiment, on one scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Posterior {
    /// The mean of the lift.
    pub mean: f64,
    /// The standard deviation of the lift.
    pub deviation: f64,
    /// The lower end of the credible interval.
    pub lower: f64,
    /// The upper end of the credible interval.
    pub upper: f64,
    /// The probability that the variant is better than the control.
    pub chance_to_win: f64,
    /// The expected loss of choosing the variant: what it is worse by, times the probability of that.
    pub risk: f64,
    /// The expected loss of keeping the control.
    pub risk_of_control: f64,
}

impl Bayesian {
    /// The posterior of the relative lift, whose sign is the opposite of the absolute one's if the control is
    /// negative: then use [`Bayesian::absolute`].
    ///
    /// # Errors
    ///
    /// What makes it impossible.
    pub fn relative<M: Comparison>(&self, control: &M, variant: &M) -> Result<Posterior, Problem> {
        let groups = M::compare(control, variant)?;
        let (mean, variance) = groups.relative()?;
        self.posterior(&groups, PriorScale::Relative, mean, variance)
    }

    /// The posterior of the absolute lift.
    ///
    /// # Errors
    ///
    /// What makes it impossible.
    pub fn absolute<M: Comparison>(&self, control: &M, variant: &M) -> Result<Posterior, Problem> {
        let groups = M::compare(control, variant)?;
        self.posterior(&groups, PriorScale::Absolute, groups.difference, groups.absolute_variance())
    }

    fn posterior(
        &self,
        groups: &Groups,
        scale: PriorScale,
        mean: f64,
        variance: f64,
    ) -> Result<Posterior, Problem> {
        let alpha = fraction("alpha", self.alpha)?;
        let variance = positive("the variance of the lift", variance)?;
        let (mean, variance) = match self.prior {
            None => (mean, variance),
            Some(prior) => {
                let (believed, deviation) = prior.on(scale, groups.control.value)?;
                // The weight of the prior, by variances and not by their reciprocals, which may overflow.
                let weight = variance / (variance + deviation * deviation);
                (mean + (believed - mean) * weight, variance * (1.0 - weight))
            }
        };
        let deviation = positive("the standard deviation of the posterior", variance.sqrt())?;
        let score = finite("the ratio of the lift to its deviation", mean / deviation)?;
        let half = Normal.isf(alpha / 2.0) * deviation;
        // E[max(lift, 0)] and E[max(-lift, 0)].
        let (gain, loss) = (deviation * Normal.excess(-score), deviation * Normal.excess(score));
        let (risk, risk_of_control) = if self.less_is_better { (gain, loss) } else { (loss, gain) };
        Ok(Posterior {
            mean,
            deviation,
            lower: finite("the credible interval", mean - half)?,
            upper: finite("the credible interval", mean + half)?,
            chance_to_win: Normal.cdf(if self.less_is_better { -score } else { score }),
            risk: finite("the risk", risk)?,
            risk_of_control: finite("the risk", risk_of_control)?,
        })
    }
}

impl Prior {
    /// Mean and deviation on a scale.
    fn on(&self, scale: PriorScale, control: f64) -> Result<(f64, f64), Problem> {
        let deviation = positive("the standard deviation of the prior", self.deviation)?;
        let factor = match (self.scale, scale) {
            (PriorScale::Relative, PriorScale::Absolute) => control.abs(),
            (PriorScale::Absolute, PriorScale::Relative) => 1.0 / control.abs(),
            _ => 1.0,
        };
        if factor == 0.0 {
            return Err(Problem::ZeroControl);
        }
        Ok((
            finite("the mean of the prior", self.mean * factor)?,
            finite("the standard deviation of the prior", deviation * factor)?,
        ))
    }
}
