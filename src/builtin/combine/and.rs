//! All of several activations.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    activation::{
        Activation, Children, CompileContext, Configured, Phrase, Phrasing, Verdict, cause::CauseRule,
        evaluation::Evaluation, sql,
    },
    builtin::register::register,
};

/// See [`Config`].
struct And {
    children: Box<[u32]>,
}

/// On if all its activations are on, or if it has none. They are evaluated in the order of the list until one
/// is off. The variant of the first activation that assigns one is passed on.
///
/// ```sql
/// INSERT INTO flags (id, name, status) VALUES (120, 'Annual plans', true);
/// INSERT INTO activations (id, name, class_name, config) VALUES
///     (120, 'Paying customers in Europe', 'novi.and', '[
///         {"class_name": "novi.attribute", "config": {"attribute": "plan", "in": ["pro", "team"]}},
///         {"class_name": "novi.attribute", "config": {"attribute": "continent", "equals": "EU"}}]');
/// INSERT INTO flags_activations (flag_id, activation_id) VALUES (120, 120);
/// ```
///
/// An item is an inline activation, as here, or the id of another row.
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
struct Config(Children);

register!(
    And,
    "novi.and",
    ["novi.client.activations.and_activation.AndActivation"],
    "On if all its activations are on"
);

impl Activation for And {
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Verdict {
        let mut verdict = Verdict::On;
        for child in &self.children {
            match evaluation.ask_node(*child) {
                Verdict::Off => return Verdict::Off,
                Verdict::On => {}
                variant if verdict == Verdict::On => verdict = variant,
                Verdict::Variant(_) => {}
            }
        }
        verdict
    }

    fn cause_rule(&self) -> CauseRule {
        CauseRule::All
    }
}

impl Configured for And {
    type Config = Config;

    fn configure(Config(children): Config, row: &mut CompileContext<'_>) -> Option<Self> {
        Some(Self { children: children.resolve(row) })
    }

    fn words(Config(children): &Config, phrasing: &mut Phrasing<'_>) -> Phrase {
        Phrase::all_of(phrasing.children(children.as_slice()))
    }

    fn config_to_sql(Config(children): &Config, sql: &mut sql::SqlContext<'_>) -> sql::Condition {
        sql::Condition::all(&sql.each(children.as_slice()))
    }
}
