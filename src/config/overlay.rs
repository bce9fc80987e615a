//! Settings from environment variables and the command line.

use std::ffi::OsString;

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use crate::{
    config::problem,
    error::{Error, Result},
};

/// Sections with arbitrary keys, which can therefore be set as a whole.
const OPEN_SECTIONS: [&str; 3] = ["context", "metadata", "overrides"];

/// A key and its value, or a section and all of its keys, as strings.
pub(super) struct Setting {
    /// The name of its source in errors.
    origin: String,
    section: String,
    key: Option<String>,
    text: String,
}

impl Setting {
    /// The settings among environment variables: `NOVI_SECTION__KEY`. A single underscore may be part of a
    /// key.
    pub(super) fn from_environment(
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Vec<Self>> {
        let mut settings = Vec::new();
        for (name, value) in variables {
            let Some(name) = name.to_str() else { continue };
            let Some(path) = name.strip_prefix("NOVI_").map(str::to_lowercase) else { continue };
            let origin = format!("environment variable {name}");
            let (section, key) = match path.split_once("__") {
                Some((section, key)) => (section.to_owned(), Some(key.to_owned())),
                None if OPEN_SECTIONS.contains(&path.as_str()) => (path, None),
                None => continue,
            };
            let Ok(text) = value.into_string() else {
                return Err(Error::Config { origin, message: "expected UTF-8".to_owned() });
            };
            settings.push(Self { origin, section, key, text });
        }
        Ok(settings)
    }

    /// Parses an argument: `section.key=value`, or `section={key = value}`.
    pub(super) fn from_argument(argument: &str) -> Result<Self> {
        let invalid = || Error::Config {
            // Not the value, which may be a secret.
            origin: format!("--set {}", argument.split_inclusive('=').next().unwrap_or_default()),
            message: "expected SECTION.KEY=VALUE, like refresh.interval=250ms".to_owned(),
        };
        let (path, text) = argument.split_once('=').ok_or_else(invalid)?;
        let (section, key) = match path.trim().split_once('.') {
            Some((section, key)) => (section.to_owned(), Some(key.trim_matches('"').to_owned())),
            None => (path.trim().to_owned(), None),
        };
        if section.is_empty() || key.as_deref() == Some("") {
            return Err(invalid());
        }
        Ok(Self { origin: format!("--set {}", path.trim()), section, key, text: text.to_owned() })
    }

    /// The section with this setting, validated by the type of the whole configuration.
    fn section<C: DeserializeOwned>(self) -> Result<Table> {
        let value = literal(&self.text);
        let keys = match (self.key, value) {
            (Some(key), value) => Table::from_iter([(key, value)]),
            (None, Value::Table(keys)) => keys,
            (None, _) => {
                let message = format!("expected a table like {{key = true}}, found {:?}", self.text);
                return Err(Error::Config { origin: self.origin, message });
            }
        };
        let section = Table::from_iter([(self.section, keys.into())]);
        // Validated separately, so that the error can name the setting.
        match section.clone().try_into::<C>() {
            Ok(_) => Ok(section),
            Err(error) => Err(Error::Config { origin: self.origin, message: problem::message(&error) }),
        }
    }
}

/// Applies the settings to the table of a configuration `C`, in their order.
pub(super) fn apply<C: DeserializeOwned>(table: &mut Table, settings: Vec<Setting>) -> Result<()> {
    for setting in settings {
        merge(table, setting.section::<C>()?);
    }
    Ok(())
}

/// Parses a value: TOML if it is valid, else a string.
fn literal(text: &str) -> Value {
    text.parse().unwrap_or_else(|_| Value::String(text.to_owned()))
}

fn merge(table: &mut Table, over: Table) {
    for (key, value) in over {
        match (table.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => merge(below, above),
            (_, value) => {
                table.insert(key, value);
            }
        }
    }
}
