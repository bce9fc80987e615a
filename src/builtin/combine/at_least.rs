//! A number of several activations.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    activation::{
        Activation, Child, CompileContext, Configured, Phrase, Phrasing, Verdict, cause::CauseRule,
        evaluation::Evaluation, sql,
    },
    builtin::register::register,
};

/// See [`Config`].
struct AtLeast {
    count: usize,
    children: Box<[u32]>,
}

/// On if at least `count` of its activations are on. They are evaluated in the order of the list until the
/// result is certain. The variant of the first activation that assigns one is passed on.
///
/// ```sql
/// INSERT INTO flags (id, name, status) VALUES (110, 'Fraud review', true);
/// INSERT INTO activations (id, name, class_name, config) VALUES
///     (110, 'Two of three signs', 'novi.at_least', '{"count": 2, "activations": [
///         {"class_name": "novi.attribute", "config": {"attribute": "amount", "greater": 1000}},
///         {"class_name": "novi.attribute", "config": {"attribute": "account_age_days", "less": 7}},
///         {"class_name": "novi.attribute", "config": {"attribute": "vpn", "equals": true}}]}');
/// INSERT INTO flags_activations (flag_id, activation_id) VALUES (110, 110);
/// ```
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// How many activations must be on, from 0 to the length of the list
    #[serde(alias = "n")]
    count: usize,
    /// The activations
    activations: Vec<Child>,
}

register!(AtLeast, "novi.at_least", [], "On if a number of its activations are on");

impl Activation for AtLeast {
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Verdict {
        let (mut verdict, mut missing, mut left) = (Verdict::On, self.count, self.children.len());
        for child in &self.children {
            if missing == 0 || missing > left {
                break;
            }
            left -= 1;
            let child = evaluation.ask_node(*child);
            if child.is_on() {
                missing -= 1;
                if verdict == Verdict::On {
                    verdict = child;
                }
            }
        }
        if missing == 0 { verdict } else { Verdict::Off }
    }

    fn cause_rule(&self) -> CauseRule {
        match self.count {
            0 => CauseRule::Unconditional,
            count if count == self.children.len() => CauseRule::All,
            _ => CauseRule::Some,
        }
    }
}

impl Configured for AtLeast {
    type Config = Config;

    fn configure(config: Config, row: &mut CompileContext<'_>) -> Option<Self> {
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

    fn words(config: &Config, phrasing: &mut Phrasing<'_>) -> Phrase {
        let phrases = phrasing.children(&config.activations);
        Phrase::list(&format!("at least {} of", config.count), &phrases)
    }

    fn config_to_sql(config: &Config, sql: &mut sql::SqlContext<'_>) -> sql::Condition {
        /// The variant of each depends on all before it.
        const MOST_WITH_VARIANTS: usize = 100;
        let children = sql.each(&config.activations);
        if children.len() > MOST_WITH_VARIANTS && children.iter().any(|child| !child.variant.is_none()) {
            return sql.refuse(
                ".activations",
                format!(
                    "in SQL, at most {MOST_WITH_VARIANTS} activations can be counted if one assigns a variant"
                ),
            );
        }
        sql::Condition::at_least(config.count, &children)
    }
}
