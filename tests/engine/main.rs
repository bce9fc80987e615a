//! The engine: how flags are evaluated from rows, without a database that changes.

#![allow(clippy::unwrap_used, reason = "tests, and their helpers")]

mod allocations;
mod attribute;
mod attribute_lists;
mod buckets;
#[path = "../common/mod.rs"]
mod common;
mod configs;
mod contract;
mod difference;
mod evaluations;
mod excerpt;
mod explanations;
mod expression;
mod flags;
mod folder;
mod impact;
mod issues;
mod json_messages;
mod member_lists;
mod next_change;
mod overrides;
mod prerequisites;
mod properties;
mod python_draws;
mod reasons;
mod scale;
mod spec;
mod test_flags;
mod timeline;
mod types;
mod unknown_fields;
mod words;
