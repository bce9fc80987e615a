//! Settings in environment variables.

use std::ffi::OsString;

use toml::{Table, Value};

use super::Config;
use crate::{Error, Result};

/// Between a section and its key; one underscore alone may be part of a key.
const SEPARATOR: &str = "__";

/// Sections whose keys may be any text, and which can therefore be given as a whole.
const OPEN_SECTIONS: [&str; 2] = ["context", "overrides"];

/// Lays the variables over the table; says whether there were any.
pub(super) fn overlay(
    table: &mut Table,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<bool> {
    let mut any = false;
    for (name, value) in variables {
        let Some(name) = name.to_str() else { continue };
        let Some(path) = name.strip_prefix("NOVI_").map(str::to_lowercase) else { continue };
        let wrong =
            |message: String| Error::Config { origin: format!("environment variable {name}"), message };
        let section = match path.split_once(SEPARATOR) {
            Some((section, key)) => {
                let value = value.to_str().ok_or_else(|| wrong("expected UTF-8".to_owned()))?;
                Table::from_iter([(
                    section.to_owned(),
                    Table::from_iter([(key.to_owned(), literal(value))]).into(),
                )])
            }
            None if OPEN_SECTIONS.contains(&path.as_str()) => {
                let value = value.to_str().ok_or_else(|| wrong("expected UTF-8".to_owned()))?;
                let Value::Table(keys) = literal(value) else {
                    return Err(wrong(format!("expected a table like {{key = true}}, found {value:?}")));
                };
                Table::from_iter([(path, keys.into())])
            }
            None => continue,
        };
        // Each variable by itself, so that the error can name it.
        let alone: Result<Config, toml::de::Error> = section.clone().try_into();
        alone.map_err(|error| wrong(error.message().to_owned()))?;
        merge(table, section);
        any = true;
    }
    Ok(any)
}

/// What a variable holds: TOML if it reads as that, else text.
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
