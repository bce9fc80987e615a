//! A number of several activations.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    activation::{Activation, Child, Compile, Configured, Verdict, evaluation::Check},
    builtin::register,
};

/// [`Config`] tells all of it.
struct AtLeast {
    count: usize,
    children: Box<[u32]>,
}

/// On when at least `count` of its activations are on (R7). They are asked in the order of the list until the answer
/// is certain. The first variant that one of them assigns is passed on.
///
/// ```sql
/// INSERT INTO activations VALUES (6, 'Two of three', 'novi.at_least', '{"count": 2, "activations": [1,2,3]}');
/// ```
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// How many must be on: from 0 to the length of the list
    #[serde(alias = "n")]
    count: usize,
    /// The activations to ask
    activations: Vec<Child>,
}

register!(AtLeast, "novi.at_least", [], "On when a number of its activations are on");

impl Activation for AtLeast {
    fn evaluate(&self, check: &Check<'_>) -> Verdict {
        let (mut answer, mut missing, mut left) = (Verdict::On, self.count, self.children.len());
        for child in &self.children {
            if missing == 0 || missing > left {
                break;
            }
            left -= 1;
            let verdict = check.ask_node(*child);
            if verdict.is_on() {
                missing -= 1;
                if answer == Verdict::On {
                    answer = verdict;
                }
            }
        }
        if missing == 0 { answer } else { Verdict::Off }
    }
}

impl Configured for AtLeast {
    type Config = Config;

    fn configure(config: Config, row: &mut Compile<'_>) -> Option<Self> {
        let Config { count, mut activations } = config;
        let length = activations.len();
        if count > length {
            row.problem(
                ".count",
                format!("expected at most {length}, the number of activations, found {count}"),
            );
        }
        for (index, child) in activations.iter_mut().enumerate() {
            row.child(&format!(".activations[{index}]"), child);
        }
        Some(Self { count, children: activations.iter().map(Child::node).collect() })
    }
}
