//! Any of several activations.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    activation::{Activation, Children, Compile, Configured, Verdict, evaluation::Check},
    builtin::register,
};

/// [`Config`] tells all of it.
struct Or {
    children: Box<[u32]>,
}

/// On when one of its activations is on; off when it has none (R7). They are asked in the order of the list until
/// one is on, whose variant is passed on.
///
/// ```sql
/// INSERT INTO activations VALUES (4, 'Combo OR Activation', 'novi.or', '[1,2]');
/// ```
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
struct Config(Children);

register!(
    Or,
    "novi.or",
    ["novi.client.activations.or_activation.OrActivation"],
    "On when one of its activations is on"
);

impl Activation for Or {
    fn evaluate(&self, check: &Check<'_>) -> Verdict {
        let mut asked = self.children.iter().map(|child| check.ask_node(*child));
        asked.find(|verdict| verdict.is_on()).unwrap_or(Verdict::Off)
    }
}

impl Configured for Or {
    type Config = Config;

    fn configure(Config(children): Config, row: &mut Compile<'_>) -> Option<Self> {
        Some(Self { children: children.resolve(row) })
    }
}
