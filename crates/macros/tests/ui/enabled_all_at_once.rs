//! All errors are reported at once, and the function stays defined.

#[novi::enabled("", ctxt = ctx, crate = 5, flags = a, flags = b)]
const fn discount(ctx: u8) -> u8 {
    ctx
}

fn main() {
    discount(1);
}
