//! Flags as files: what files say, compared with the rows.

mod apply;
mod compare;
mod drift;
mod load;
mod markdown;
mod plan;

pub(super) use self::compare::Comparison;
pub(crate) use self::{apply::Apply, drift::Drift, plan::Plan};
