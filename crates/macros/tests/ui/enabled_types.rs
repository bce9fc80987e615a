//! Errors about expressions of the wrong type point at the user's code.

#[novi::enabled("Banner", otherwise = "none")]
fn otherwise() -> u8 {
    1
}

#[novi::enabled("Banner", ctx = user)]
fn ctx(user: &str) {
    let _ = user;
}

#[novi::enabled("Banner", flags = 5)]
fn flags() {}

#[derive(Debug)]
struct OwnError;

#[novi::enabled("Banner")]
fn result() -> Result<u8, OwnError> {
    Ok(1)
}

const NUMBER: u8 = 1;

#[novi::enabled(NUMBER)]
fn name() {}

fn main() {}
