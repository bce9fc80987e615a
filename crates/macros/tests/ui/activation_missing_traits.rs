//! Types without the traits of an activation type.

use novi::{Activation, Check, Verdict};
use serde::Deserialize;

#[novi::activation("acme.no_deserialize")]
struct NoDeserialize {
    size: u8,
}

impl Activation for NoDeserialize {
    fn evaluate(&self, _: &Check<'_>) -> Verdict {
        Verdict::On
    }
}

#[novi::activation("acme.no_activation")]
#[derive(Deserialize)]
struct NoActivation {
    size: u8,
}

fn main() {}
