//! The opposite of an activation.

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
struct Not {
    child: u32,
}

/// On if its activation is off, also if that is off because an attribute is missing. It takes one activation
/// and assigns no variant.
///
/// ```sql
/// INSERT INTO flags (id, name, status) VALUES (210, 'Regular prices', true);
/// INSERT INTO activations (id, name, class_name, config) VALUES
///     (210, 'Not during the sale', 'novi.not', '[{"class_name": "novi.date_time",
///         "config": {"startDateTime": "2026-11-27", "endDateTime": "2026-12-01"}}]');
/// INSERT INTO flags_activations (flag_id, activation_id) VALUES (210, 210);
/// ```
///
/// The item is an inline activation, as here, or the id of another row.
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
struct Config(Children);

register!(Not, "novi.not", [], "On if its activation is off");

impl Activation for Not {
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Verdict {
        (!evaluation.ask_node(self.child).is_on()).into()
    }

    fn cause_rule(&self) -> CauseRule {
        CauseRule::Negation
    }
}

impl Configured for Not {
    type Config = Config;

    fn configure(Config(children): Config, row: &mut CompileContext<'_>) -> Option<Self> {
        let children = children.resolve(row);
        if let [child] = *children {
            return Some(Self { child });
        }
        row.problem("", format!("expected one activation to negate, found {}", children.len()));
        None
    }

    fn words(Config(children): &Config, phrasing: &mut Phrasing<'_>) -> Phrase {
        let phrases = phrasing.children(children.as_slice());
        let negated = phrases.first().map_or("…", Phrase::text);
        Phrase::condition(format!("not ({negated})"))
    }

    fn config_to_sql(Config(children): &Config, sql: &mut sql::SqlContext<'_>) -> sql::Condition {
        sql::Condition::all(&sql.each(children.as_slice())).on.negated().into()
    }
}
