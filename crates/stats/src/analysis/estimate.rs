//! What a test says about a variant.

use crate::{
    metric::Groups,
    problem::{Problem, finite},
};

/// How much a variant differs from its control, on one scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lift {
    /// The estimate: 0.05 is 5 % more, if it is relative.
    pub estimate: f64,
    /// The standard error of the estimate.
    pub standard_error: f64,
    /// The lower end of the two-sided interval.
    pub lower: f64,
    /// The upper end of the two-sided interval.
    pub upper: f64,
    /// The one-sided interval of lifts that are at least this.
    pub at_least: f64,
    /// The one-sided interval of lifts that are at most this.
    pub at_most: f64,
    /// The p-value of "there is no lift" against any lift.
    pub p: f64,
    /// The p-value of "there is no lift, or a negative one" against a positive lift.
    pub p_greater: f64,
    /// The p-value of "there is no lift, or a positive one" against a negative lift.
    pub p_less: f64,
}

/// The result of a test.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// The value of the control, not adjusted.
    pub control: f64,
    /// The value of the variant, not adjusted.
    pub variant: f64,
    /// The difference of the values; with CUPED, the adjusted one.
    pub absolute: Lift,
    /// The difference as a part of the control's value, or why there is none. If the control is negative, its
    /// sign is the opposite of the absolute one's.
    pub relative: Result<Lift, Problem>,
    /// The degrees of freedom, which only Welch's test has.
    pub degrees_of_freedom: Option<f64>,
}

/// What a test adds to an estimate and its standard error.
pub(super) struct Certainty {
    /// Half of the two-sided interval, in standard errors.
    pub(super) two_sided: f64,
    /// The distance of one-sided bounds, in standard errors.
    pub(super) one_sided: f64,
    /// Two-sided p-value, and that against a positive and against a negative lift.
    pub(super) p: [f64; 3],
}

/// Makes an estimate by a function of `estimate / standard error`.
pub(super) fn estimate(
    groups: &Groups,
    degrees_of_freedom: Option<f64>,
    certainty: impl Fn(f64) -> Certainty,
) -> Result<Estimate, Problem> {
    let lift = |estimate: f64, variance: f64| {
        let standard_error = finite("the standard error", variance.sqrt())?;
        let score = finite("the ratio of the lift to its standard error", estimate / standard_error)?;
        let Certainty { two_sided, one_sided, p: [p, p_greater, p_less] } = certainty(score);
        let (half, bound) = (two_sided * standard_error, one_sided * standard_error);
        let lift = Lift {
            estimate,
            standard_error,
            lower: estimate - half,
            upper: estimate + half,
            at_least: estimate - bound,
            at_most: estimate + bound,
            p,
            p_greater,
            p_less,
        };
        for end in [lift.lower, lift.upper, lift.at_least, lift.at_most, p, p_greater, p_less] {
            finite("the interval of the lift", end)?;
        }
        Ok(lift)
    };
    Ok(Estimate {
        control: groups.control.value,
        variant: groups.variant.value,
        absolute: lift(groups.difference, groups.absolute_variance())?,
        relative: groups.relative().and_then(|(estimate, variance)| lift(estimate, variance)),
        degrees_of_freedom,
    })
}
