//! Items that are not functions, and a method without a body.

#[novi::enabled("Banner")]
struct Banner;

#[novi::enabled("Banner")]
mod banner {}

trait Greeting {
    #[novi::enabled("Banner")]
    fn greet(&self);
}

struct Banners;

impl Banners {
    #[novi::enabled("Banner")]
    const LIMIT: u8 = 1;
}

fn main() {}
