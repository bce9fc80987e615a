//! Expressions over the attributes of the caller, in the crate feature `expression`.

#[cfg(feature = "expression")]
pub(crate) mod condition;
#[cfg(not(feature = "expression"))]
pub(crate) mod disabled;
#[cfg(feature = "expression")]
pub(crate) mod file_type;
#[cfg(feature = "expression")]
pub(crate) mod values;

pub(in crate::builtin) const CLASS: &str = "novi.expression";
pub(in crate::builtin) const EXTENSION: &str = "cel";
