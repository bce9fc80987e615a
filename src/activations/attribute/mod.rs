//! What an attribute of the caller must be.

mod condition;
mod config;
mod fold;
mod instant;
mod network;
mod number;
mod path;
mod pattern;
mod reader;
mod search;
mod test;
mod text_set;
mod values;
mod version;
mod words;

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

use self::{condition::Condition, config::Config, path::Path};
use super::register;
use crate::{Activation, Check, Compile, Verdict};

/// On when an attribute of the caller is as its operators ask; [`Config`] tells all of it.
#[derive(Deserialize)]
#[serde(from = "Config")]
struct Attribute {
    /// Gone once it is compiled.
    config: Option<Box<Config>>,
    path: Path,
    condition: Condition,
}

register!(Attribute, "novi.attribute", [], "On when an attribute of the caller is as its operators ask");

impl JsonSchema for Attribute {
    fn schema_name() -> Cow<'static, str> {
        "Attribute".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Config::json_schema(generator)
    }
}

impl From<Config> for Attribute {
    fn from(config: Config) -> Self {
        Self { config: Some(Box::new(config)), path: Path::default(), condition: Condition::default() }
    }
}

impl Activation for Attribute {
    fn evaluate(&self, check: &Check<'_>) -> Verdict {
        let met = self.condition.met(self.path.find(check));
        if !met {
            check.note(|| format!("{}: expected {}", self.path, self.condition));
        }
        met.into()
    }

    fn compile(&mut self, row: &mut Compile<'_>) {
        if let Some(config) = self.config.take() {
            (self.path, self.condition) = config.compile(row);
        }
    }
}
