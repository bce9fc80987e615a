//! Invalid variants and keys.

#[novi::enabled("Layout", variant = "")]
fn empty() {}

#[novi::enabled("Layout", variant = 5, key = )]
fn number() {}

#[novi::enabled("", variant = " ", otherwise)]
fn all_at_once() -> u8 {
    1
}

struct User;

#[novi::enabled("Layout", key = user)]
fn key(user: &User) {
    let _ = user;
}

fn main() {}
