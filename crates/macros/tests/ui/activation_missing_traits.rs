//! Types without the traits of an activation type.

use novi::activation::{Activation, Evaluation, Verdict};
use serde::Deserialize;

#[novi::activation("acme.no_deserialize")]
struct NoDeserialize {
    size: u8,
}

impl Activation for NoDeserialize {
    fn evaluate(&self, _: &Evaluation<'_>) -> Verdict {
        Verdict::On
    }
}

#[novi::activation("acme.no_activation")]
#[derive(Deserialize)]
struct NoActivation {
    size: u8,
}

fn main() {}
