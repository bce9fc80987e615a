//! Every refusal of the macros, as a person reads it. After a change of a message:
//! `TRYBUILD=overwrite cargo test --test ui`, then read what changed.

#![cfg(feature = "macros")]

#[test]
fn refusals() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
