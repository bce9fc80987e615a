//! Return types without a value for a flag that is off.

use std::{future::Future, pin::Pin};

#[novi::enabled("Count")]
fn count() -> u8 {
    1
}

#[novi::enabled("Count")]
async fn pair() -> (u8, &'static str) {
    (1, "")
}

#[novi::enabled("Count")]
fn opaque() -> impl Iterator<Item = u8> {
    std::iter::empty()
}

#[novi::enabled("Count")]
fn boxed() -> Pin<Box<dyn Future<Output = Vec<u8>>>> {
    Box::pin(async move { Vec::new() })
}

fn main() {
    count();
}
