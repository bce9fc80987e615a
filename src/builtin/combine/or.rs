//! Any of several activations.

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
struct Or {
    children: Box<[u32]>,
}

/// On if one of its activations is on, and off if it has none. They are evaluated in the order of the list
/// until one is on, whose variant is passed on.
///
/// ```sql
/// INSERT INTO flags (id, name, status) VALUES (220, 'Beta program', true);
/// INSERT INTO activations (id, name, class_name, config) VALUES
///     (220, 'Staff or testers', 'novi.or', '[
///         {"class_name": "novi.attribute", "config": {"attribute": "staff", "equals": true}},
///         {"class_name": "novi.members", "config": {"allow": ["user-1", "user-2"]}}]');
/// INSERT INTO flags_activations (flag_id, activation_id) VALUES (220, 220);
/// ```
///
/// An item is an inline activation, as here, or the id of another row.
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
struct Config(Children);

register!(
    Or,
    "novi.or",
    ["novi.client.activations.or_activation.OrActivation"],
    "On if one of its activations is on"
);

impl Activation for Or {
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Verdict {
        let mut verdicts = self.children.iter().map(|child| evaluation.ask_node(*child));
        verdicts.find(|verdict| verdict.is_on()).unwrap_or(Verdict::Off)
    }

    fn cause_rule(&self) -> CauseRule {
        CauseRule::One
    }
}

impl Configured for Or {
    type Config = Config;

    fn configure(Config(children): Config, row: &mut CompileContext<'_>) -> Option<Self> {
        Some(Self { children: children.resolve(row) })
    }

    fn words(Config(children): &Config, phrasing: &mut Phrasing<'_>) -> Phrase {
        Phrase::any_of(phrasing.children(children.as_slice()))
    }

    fn config_to_sql(Config(children): &Config, sql: &mut sql::SqlContext<'_>) -> sql::Condition {
        sql::Condition::any(&sql.each(children.as_slice()))
    }
}
