//! Items that cannot be activation types.

use serde::Deserialize;

#[novi::activation("acme.generic")]
#[derive(Deserialize)]
struct Generic<T> {
    value: T,
}

#[novi::activation("acme.lifetime")]
#[derive(Deserialize)]
enum Borrowed<'a> {
    Text(&'a str),
}

#[novi::activation("acme.union")]
union Either {
    small: u8,
    large: u16,
}

#[novi::activation("acme.function")]
fn function() {}

fn main() {}
