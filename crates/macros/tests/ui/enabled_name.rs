//! Missing and invalid names.

#[novi::enabled]
fn without_arguments() {}

#[novi::enabled()]
fn empty_parentheses() {}

#[novi::enabled(otherwise = 1)]
fn only_options() -> u8 {
    1
}

#[novi::enabled("")]
fn empty() {}

#[novi::enabled("  ")]
fn blank() {}

#[novi::enabled(format!("{}", 1))]
fn made() {}

#[novi::enabled(7)]
fn number() {}

fn main() {}
