//! All of several activations.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    activation::{Activation, Children, Compile, Configured, Verdict, evaluation::Check},
    builtin::register,
};

/// [`Config`] tells all of it.
struct And {
    children: Box<[u32]>,
}

/// On when all its activations are on, and when it has none (R7). They are asked in the order of the list until one
/// is off. The first variant that one of them assigns is passed on.
///
/// ```sql
/// INSERT INTO activations VALUES (3, 'Combo AND Activation', 'novi.and', '[1,2]');
/// ```
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
struct Config(Children);

register!(
    And,
    "novi.and",
    ["novi.client.activations.and_activation.AndActivation"],
    "On when all its activations are on"
);

impl Activation for And {
    fn evaluate(&self, check: &Check<'_>) -> Verdict {
        let mut answer = Verdict::On;
        for child in &self.children {
            match check.ask_node(*child) {
                Verdict::Off => return Verdict::Off,
                Verdict::On => {}
                variant if answer == Verdict::On => answer = variant,
                Verdict::Variant(_) => {}
            }
        }
        answer
    }
}

impl Configured for And {
    type Config = Config;

    fn configure(Config(children): Config, row: &mut Compile<'_>) -> Option<Self> {
        Some(Self { children: children.resolve(row) })
    }
}
