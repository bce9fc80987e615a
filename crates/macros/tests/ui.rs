//! Every error of the macros, as the compiler shows it. After a change of a message:
//! `TRYBUILD=overwrite cargo test -p novi-macros --test ui`, then review the difference.
//!
//! It is here because trybuild builds all dependencies of the package once more: this one has few.

#[test]
fn errors_are_shown_where_they_are_made() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
