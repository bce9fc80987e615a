//! The short ways to change whom a flag is on for: they find the flag's activation of a kind and change it, or create
//! one.

mod args;
mod edits;
mod place;
mod rollout;
mod schedule;
mod target;
mod variants;

pub(crate) use self::{rollout::Rollout, schedule::Schedule, target::Target, variants::Variants};
