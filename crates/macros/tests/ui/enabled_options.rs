//! Unknown, duplicate and invalid options.

#[novi::enabled("Banner", default)]
fn without_a_value() {}

#[novi::enabled("Banner", context = 1, on = 2)]
fn unknown() {}

#[novi::enabled("Banner", otherwise = (), ctx = a::<u8, u8>(), otherwise = ())]
fn twice() {}

#[novi::enabled("Banner", otherwise =, flags)]
fn without_values() -> u8 {
    1
}

#[novi::enabled("Banner" otherwise = ())]
fn without_a_comma() {}

#[novi::enabled("Banner", crate = "novi")]
fn crate_in_quotes() {}

#[novi::enabled("Banner", expose = "yes")]
fn expose_in_quotes() {}

#[novi::enabled("Banner", expose)]
fn expose_without_a_value() {}

fn main() {}
