//! Feature toggles of Knora: `app.feature-toggles` of its `application.conf`, in HOCON.

mod growth;

use std::{collections::HashMap, path::Path, thread};

use chrono::DateTime;
use hocon::{Config, HoconValue, ParseOptions};
use novi_files::{Flag, Moment, Tree};

use crate::{
    collector::{Collector, Draft, Imported},
    error::ImportError,
};

/// Where the toggles are; those of the first draft of the design are in the second.
const PLACES: [&str; 2] = ["app.feature-toggles", "app.feature"];

/// How deep a text may be nested.
const MAX_DEPTH: usize = 256;

/// The stack of the parser, which recurses.
const STACK: usize = 64 << 20;

/// Reads the toggles of a configuration. What it includes is read from the folder. Environment variables are not
/// substituted.
///
/// # Errors
/// A text that is not HOCON, or that has no toggles.
pub fn read(text: &str, folder: Option<&Path>) -> Result<Imported, ImportError> {
    let config = parse(text, folder)?;
    let toggles = PLACES.iter().find_map(|place| Some((place, config.get(place)?.as_object()?)));
    let Some((place, toggles)) = toggles else {
        return Err(ImportError::new("expected toggles in `app.feature-toggles`, found none"));
    };
    let mut collector = Collector::default();
    for (name, toggle) in toggles {
        collector.add(format!("{place}.{name}"), name, draft(toggle));
    }
    Ok(collector.finish())
}

/// A toggle of a flag: as many variants as versions, and the default version.
fn draft(toggle: &HoconValue) -> Result<Draft, String> {
    // In the first draft of the design, a toggle is only on or off.
    if let Some(is_on) = toggle.as_bool() {
        let flag = Flag { status: Some(is_on), ..Flag::default() };
        return Ok(Draft { flag, differences: Vec::new() });
    }
    let Some(fields) = toggle.as_object() else {
        return Err(format!("expected an object, found {}", shown(toggle)));
    };
    let mut differences = Vec::new();
    let required = |name: &str| fields.get(name).ok_or_else(|| format!("`{name}` is missing"));
    let boolean = |name: &str| {
        let value = required(name)?;
        value.as_bool().ok_or_else(|| format!("{name}: expected yes or no, found {}", shown(value)))
    };
    let versions = versions(required("available-versions")?)?;
    let default = required("default-version")?;
    let default = default.as_i64().filter(|default| (1..=versions).contains(default)).ok_or_else(|| {
        format!("default-version: expected a version from 1 to {versions}, found {}", shown(default))
    })?;
    let mut flag = Flag {
        status: Some(boolean("enabled-by-default")?),
        override_allowed: Some(boolean("override-allowed")?),
        variants: Some(Tree::Number(versions.into())),
        default_variant: Some(default.to_string()),
        ..Flag::default()
    };
    for (name, value) in fields {
        match name.as_str() {
            "available-versions" | "default-version" | "enabled-by-default" | "override-allowed" => (),
            "description" => flag.description = Some(string(name, value)?),
            "developer-emails" => {
                let emails = value
                    .as_array()
                    .ok_or_else(|| format!("developer-emails: expected a list, found {}", shown(value)))?;
                let emails: Vec<String> =
                    emails.iter().map(|email| string(name, email)).collect::<Result<_, _>>()?;
                flag.owner = (!emails.is_empty()).then(|| emails.join(", "));
            }
            "expiration-date" => {
                let date = string(name, value)?;
                let time = DateTime::parse_from_rfc3339(&date).map_err(|_| {
                    format!("expiration-date: expected a time such as 2027-12-01T00:00:00Z, found {date:?}")
                })?;
                flag.expires_at = Some(Moment(time.to_utc()));
            }
            _ => differences.push(format!("the field `{name}` is none of Knora's, and is not imported")),
        }
    }
    Ok(Draft { flag, differences })
}

/// How many versions there are: consecutive numbers from 1.
fn versions(value: &HoconValue) -> Result<i64, String> {
    let expected = || {
        format!(
            "available-versions: expected consecutive numbers from 1, such as [1, 2], found {}",
            shown(value)
        )
    };
    let versions = value.as_array().filter(|versions| !versions.is_empty()).ok_or_else(expected)?;
    for (place, version) in (1..).zip(versions) {
        if version.as_i64() != Some(place) {
            return Err(expected());
        }
    }
    i64::try_from(versions.len()).map_err(|_| expected())
}

fn string(name: &str, value: &HoconValue) -> Result<String, String> {
    match value {
        HoconValue::Scalar(scalar) if scalar.raw != "null" => Ok(scalar.raw.clone()),
        _ => Err(format!("{name}: expected a string, found {}", shown(value))),
    }
}

fn shown(value: &HoconValue) -> String {
    match value {
        HoconValue::Scalar(scalar) => scalar.raw.clone(),
        HoconValue::Array(_) => "a list".to_owned(),
        _ => "an object".to_owned(),
    }
}

/// The configuration of a text.
fn parse(text: &str, folder: Option<&Path>) -> Result<Config, ImportError> {
    if !is_shallow(text) {
        return Err(ImportError::new(format!("expected HOCON of at most {MAX_DEPTH} levels, found more")));
    }
    if !growth::is_bounded(text, folder) {
        return Err(ImportError::new(format!(
            "expected HOCON of at most {} MiB after its substitutions; write out values that are substituted several \
             times, or leave only the toggles in the file",
            growth::MAX_LENGTH / f64::from(1 << 20)
        )));
    }
    // An empty environment: that of the machine that imports is not that of the service.
    let options = ParseOptions::defaults().with_env(HashMap::new());
    let options = match folder {
        Some(folder) => options.with_base_dir(folder.to_owned()),
        None => options,
    };
    let result = thread::scope(|scope| {
        let parser = thread::Builder::new().stack_size(STACK);
        parser
            .spawn_scoped(scope, || hocon::parse_string_with_options(text, options))
            .map(thread::ScopedJoinHandle::join)
    });
    match result {
        Ok(Ok(Ok(config))) => Ok(config),
        Ok(Ok(Err(error))) => Err(ImportError::new(format!("expected HOCON: {error}"))),
        Ok(Err(_)) => Err(ImportError::new("the parser of HOCON failed for this text")),
        Err(error) => Err(ImportError::new(format!("could not start a thread for the parser: {error}"))),
    }
}

/// Whether no part is deeper than the parser, which recurses, has stack for: within brackets and dotted paths.
fn is_shallow(text: &str) -> bool {
    let (mut open, mut dots, mut is_quoted, mut is_escaped) = (Vec::new(), 0, false, false);
    let mut depth = 0_usize;
    for character in text.chars() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            '\n' => (dots, is_quoted) = (0, false),
            '.' => dots += 1,
            '{' | '[' if !is_quoted => {
                open.push(dots + 1);
                depth += dots + 1;
                dots = 0;
            }
            '}' | ']' if !is_quoted => depth -= open.pop().unwrap_or_default(),
            _ => (),
        }
        if depth + dots > MAX_DEPTH {
            return false;
        }
    }
    true
}
