//! Conditions on an attribute of the caller.

pub(crate) mod condition;
pub(crate) mod config;
pub(crate) mod instant;
pub(crate) mod number;
pub(crate) mod operand;
pub(crate) mod operand_kind;
pub(crate) mod operator;
pub(crate) mod path;
pub(crate) mod search;
pub(crate) mod sql;
pub(crate) mod values;
pub(crate) mod words;

use crate::{
    activation::{
        Activation, CompileContext, Configured, Phrase, Phrasing, Verdict,
        evaluation::Evaluation,
        sql::{Condition as SqlCondition, SqlContext},
    },
    builtin::register::register,
};
use condition::Condition;
use config::Config;
use path::Path;

/// See [`Config`].
struct Attribute {
    path: Path,
    condition: Condition,
}

register!(Attribute, "novi.attribute", [], "On if an attribute of the caller matches");

impl Activation for Attribute {
    #[inline]
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Verdict {
        let met = self.condition.is_met(&self.path, evaluation);
        evaluation.note(|| {
            if met {
                evaluation.note_match(|| self.condition.matched(&self.path, evaluation));
            }
            format!("{}: expected {}", self.path, self.condition)
        });
        met.into()
    }
}

impl Configured for Attribute {
    type Config = Config;

    fn configure(config: Config, row: &mut CompileContext<'_>) -> Option<Self> {
        let (path, condition) = config.compile(row);
        Some(Self { path, condition })
    }

    fn words(config: &Config, _: &mut Phrasing<'_>) -> Phrase {
        Phrase::condition(config.words())
    }

    fn config_to_sql(config: &Config, sql: &mut SqlContext<'_>) -> SqlCondition {
        config.to_sql(sql)
    }
}
