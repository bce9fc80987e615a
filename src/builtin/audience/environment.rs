//! The environment of a process, such as production or staging.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    activation::{
        Activation, CompileContext, Configured, Phrase, Phrasing, Verdict, evaluation::Evaluation,
        phrase::alternatives, sql, value_text,
    },
    builtin::{
        audience::{phrasing, string_list::StringList},
        register::register,
    },
    context::value::Value,
};

/// See [`Config`].
struct Environment {
    names: Box<[Box<str>]>,
}

/// On in some environments, such as production and staging.
///
/// ```sql
/// INSERT INTO flags (id, name, status) VALUES (140, 'Debug toolbar', true);
/// INSERT INTO activations (id, name, class_name, config) VALUES
///     (140, 'Before production', 'novi.environment', '{"environments": ["staging", "test"]}');
/// INSERT INTO flags_activations (flag_id, activation_id) VALUES (140, 140);
/// ```
///
/// The environment is the attribute `environment` of the static context of the process: `[context]` in
/// `novi.toml`, or `Flags::builder().context(..)` in code. Callers cannot override it. Case matters. If the
/// process has no environment, or one that is not a string, the condition is not met.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// One name or several
    environments: StringList,
}

register!(Environment, "novi.environment", [], "On in some environments, such as production");

impl Activation for Environment {
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Verdict {
        let found = evaluation.get_static("environment").and_then(Value::as_str);
        let is_in = found.is_some_and(|found| self.names.iter().any(|name| **name == *found));
        evaluation.note(|| format!("environment: expected {}", phrasing::list(&self.names)));
        is_in.into()
    }
}

impl Configured for Environment {
    type Config = Config;

    fn configure(config: Config, row: &mut CompileContext<'_>) -> Option<Self> {
        if config.environments.iter().len() == 0 {
            row.problem(".environments", "expected at least one environment, found none");
        }
        Some(Self { names: config.environments.into_boxed() })
    }

    fn words(config: &Config, _: &mut Phrasing<'_>) -> Phrase {
        let names = alternatives("environments", config.environments.iter().map(value_text));
        Phrase::condition(format!("environment is {names}"))
    }

    fn config_to_sql(config: &Config, sql: &mut sql::SqlContext<'_>) -> sql::Condition {
        let found = sql.base.get("environment").and_then(Value::as_str);
        let is_in = found.is_some_and(|found| config.environments.iter().any(|name| name == found));
        sql::Condition::always(is_in)
    }
}
