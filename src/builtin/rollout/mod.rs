//! Types that divide callers by a hash or a draw.

pub(crate) mod bucket;
pub(crate) mod experiment;
pub(crate) mod hold;
pub(crate) mod metric;
pub(crate) mod percentage;
pub(crate) mod python_random;
pub(crate) mod ramp;
pub(crate) mod ranges;
pub(crate) mod shares;
pub(crate) mod split;
pub(crate) mod sticky;
pub(crate) mod weighted_random;
