//! Types that combine other activations and flags.

pub(crate) mod and;
pub(crate) mod assignment;
pub(crate) mod at_least;
pub(crate) mod flag;
pub(crate) mod not;
pub(crate) mod or;
pub(crate) mod rules;
pub(crate) mod static_variant;
pub(crate) mod switch;
