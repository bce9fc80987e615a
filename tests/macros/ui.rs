//! Every refusal of the macros, as a person reads it. After a change of a message:
//! `TRYBUILD=overwrite cargo test --test macros ui`, then read what changed.

#[test]
fn refusals() {
    trybuild::TestCases::new().compile_fail("tests/macros/ui/*.rs");
}
