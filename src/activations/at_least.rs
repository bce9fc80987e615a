//! A number of several activations.

use schemars::JsonSchema;
use serde::Deserialize;

use super::register;
use crate::{Activation, Check, Child, Compile, Verdict};

/// On when at least `count` of its activations are on (R7). They are asked in the order of the list until the answer
/// is certain. The first variant that one of them assigns is passed on.
///
/// ```sql
/// INSERT INTO activations VALUES (6, 'Two of three', 'novi.at_least', '{"count": 2, "activations": [1,2,3]}');
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AtLeast {
    /// How many must be on: from 0 to the length of the list
    #[serde(alias = "n")]
    count: usize,
    /// The activations to ask
    activations: Vec<Child>,
}

register!(AtLeast, "novi.at_least", [], "On when a number of its activations are on");

impl Activation for AtLeast {
    fn evaluate(&self, check: &Check<'_>) -> Verdict {
        let (mut answer, mut missing, mut left) = (Verdict::On, self.count, self.activations.len());
        for child in &self.activations {
            if missing == 0 || missing > left {
                break;
            }
            left -= 1;
            let verdict = check.ask(child);
            if verdict.is_on() {
                missing -= 1;
                if answer == Verdict::On {
                    answer = verdict;
                }
            }
        }
        if missing == 0 { answer } else { Verdict::Off }
    }

    fn compile(&mut self, row: &mut Compile<'_>) {
        let (count, length) = (self.count, self.activations.len());
        if count > length {
            row.problem(
                ".count",
                format!("expected at most {length}, the number of activations, found {count}"),
            );
        }
        for (index, child) in self.activations.iter_mut().enumerate() {
            row.child(&format!(".activations[{index}]"), child);
        }
    }
}
