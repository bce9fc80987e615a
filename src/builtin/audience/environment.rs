//! Where a process runs: production, staging.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    activation::{Activation, Compile, Configured, Verdict, evaluation::Check},
    builtin::{
        audience::{phrasing as words, string_list::Texts},
        register,
    },
    context::value::Value,
};

/// [`Config`] tells all of it.
struct Environment {
    names: Box<[Box<str>]>,
}

/// On in some environments, such as production and staging.
///
/// ```sql
/// INSERT INTO activations VALUES (13, 'Before production', 'novi.environment', '{"environments": ["staging", "test"]}');
/// ```
///
/// The environment is the attribute `environment` of the static context, which the process gives: in `novi.toml` under
/// `[context]`, or in code by `Flags::builder().context(..)`. One that a caller claims is not looked at. Case counts. In a
/// process that has none, or whose is no text, the condition is not met (R4).
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// One name or several
    environments: Texts,
}

register!(Environment, "novi.environment", [], "On in some environments, such as production");

impl Activation for Environment {
    fn evaluate(&self, check: &Check<'_>) -> Verdict {
        let found = check.get_static("environment").and_then(Value::as_str);
        let is_in = found.is_some_and(|found| self.names.iter().any(|name| **name == *found));
        check.note(|| format!("environment: expected {}", words::list(&self.names)));
        is_in.into()
    }
}

impl Configured for Environment {
    type Config = Config;

    fn configure(config: Config, row: &mut Compile<'_>) -> Option<Self> {
        if config.environments.iter().len() == 0 {
            row.problem(".environments", "expected at least one environment, found none");
        }
        Some(Self { names: config.environments.into_boxed() })
    }
}
