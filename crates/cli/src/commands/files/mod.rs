//! Flags as files: what files say, compared with the rows.

mod apply;
mod compare;
mod drift;
mod first_apply;
mod last_apply;
mod load;
mod markdown;
mod overwritten;
mod plan;
mod planned;
mod promote;
mod pull;

pub(super) use self::compare::Comparison;
pub(in crate::commands) use self::load::{invalid, read_document, read_files};
pub(crate) use self::{apply::Apply, drift::Drift, plan::Plan, promote::Promote, pull::Pull};
