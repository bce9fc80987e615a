//! Types that depend on the time of an evaluation.

pub(crate) mod clock;
pub(crate) mod date_time;
pub(crate) mod expires;
pub(crate) mod schedule;
pub(crate) mod words;
