//! Impl blocks without functions to select from.

struct Payments;

#[novi::feature]
impl Payments {}

#[novi::feature]
impl Clone for Payments {
    fn clone(&self) -> Self {
        Self
    }
}

#[novi::feature("Payments", user)]
fn function() {}

#[novi::feature(Payments, ctx = user, key = 1)]
impl Payments {
    #[default]
    fn acme(user: &str, (a, b): (u8, u8)) -> u8 {
        a + b
    }

    fn create(user: &str) -> u8 {
        1
    }
}

struct NoDefault;

#[novi::feature]
impl NoDefault {
    fn acme() {}

    fn premium() {}
}

struct NoContext;

#[novi::feature(ctx = user)]
impl NoContext {
    #[default]
    fn acme(user: &str) -> usize {
        user.len()
    }
}

fn main() {}
