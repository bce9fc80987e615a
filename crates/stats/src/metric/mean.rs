//! Means: revenue per user, seconds per session of one session per user.

use super::group::{Comparison, Group, Groups, enough};
use crate::{
    problem::{Problem, Side},
    summary::{Summary, to_float},
};

/// One value per unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mean(pub Summary<1>);

impl Mean {
    fn group(&self, side: Side) -> Result<Group, Problem> {
        enough(side, self.0.units(), 2)?;
        let ([value], [[variance]]) = (self.0.means(), self.0.covariances());
        Ok(Group { units: to_float(self.0.units()), value, variance })
    }
}

impl Comparison for Mean {
    fn compare(control: &Self, variant: &Self) -> Result<Groups, Problem> {
        Groups::independent(control.group(Side::Control)?, variant.group(Side::Variant)?)
    }
}
