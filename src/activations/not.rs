//! The opposite of an activation.

use schemars::JsonSchema;
use serde::Deserialize;

use super::register;
use crate::{Activation, Check, Children, Compile, Verdict};

/// On when its activation is off (R7): also when that is off because an attribute is missing (R4). Takes one
/// activation and assigns no variant.
///
/// ```sql
/// INSERT INTO activations VALUES (5, 'Not during the sale', 'novi.not', '[1]');
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
struct Not {
    children: Children,
}

register!(Not, "novi.not", [], "On when its activation is off");

impl Activation for Not {
    fn evaluate(&self, check: &Check<'_>) -> Verdict {
        self.children.as_slice().iter().all(|child| !check.ask(child).is_on()).into()
    }

    fn compile(&mut self, row: &mut Compile<'_>) {
        let count = self.children.as_slice().len();
        if count != 1 {
            row.problem("", format!("expected one activation to negate, found {count}"));
        }
        self.children.compile(row);
    }
}
