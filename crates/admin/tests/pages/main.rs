//! The pages over a router: what they show, who may see them, and what they change.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "tests, and their helpers")]

mod access;
mod audience;
mod changes;
mod charts;
#[path = "../../../../tests/common/databases.rs"]
mod databases;
mod editors;
mod escaping;
mod experiments;
mod form;
mod leftovers;
mod list;
mod merging;
mod site;
