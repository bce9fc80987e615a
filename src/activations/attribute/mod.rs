//! What an attribute of the caller must be.

mod condition;
mod config;
mod instant;
pub(super) mod number;
mod path;
pub(super) mod pattern;
mod reader;
mod search;
mod test;
mod values;
pub(super) mod version;

use self::{condition::Condition, config::Config, path::Path};
use super::register;
use crate::{Activation, Check, Compile, Verdict, activation::Configured};

/// [`Config`] tells all of it.
struct Attribute {
    path: Path,
    condition: Condition,
}

register!(Attribute, "novi.attribute", [], "On when an attribute of the caller is as its operators ask");

impl Activation for Attribute {
    #[inline]
    fn evaluate(&self, check: &Check<'_>) -> Verdict {
        let met = self.condition.met(&self.path, check);
        check.note(|| format!("{}: expected {}", self.path, self.condition));
        met.into()
    }
}

impl Configured for Attribute {
    type Config = Config;

    fn configure(config: Config, row: &mut Compile<'_>) -> Option<Self> {
        let (path, condition) = config.compile(row);
        Some(Self { path, condition })
    }
}
