//! The opposite of an activation.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    activation::{Activation, Children, Compile, Configured, Verdict, evaluation::Check},
    builtin::register,
};

/// [`Config`] tells all of it.
struct Not {
    child: u32,
}

/// On when its activation is off (R7): also when that is off because an attribute is missing (R4). Takes one
/// activation and assigns no variant.
///
/// ```sql
/// INSERT INTO activations VALUES (5, 'Not during the sale', 'novi.not', '[1]');
/// ```
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
struct Config(Children);

register!(Not, "novi.not", [], "On when its activation is off");

impl Activation for Not {
    fn evaluate(&self, check: &Check<'_>) -> Verdict {
        (!check.ask_node(self.child).is_on()).into()
    }
}

impl Configured for Not {
    type Config = Config;

    fn configure(Config(children): Config, row: &mut Compile<'_>) -> Option<Self> {
        let children = children.resolve(row);
        if let [child] = *children {
            return Some(Self { child });
        }
        row.problem("", format!("expected one activation to negate, found {}", children.len()));
        None
    }
}
