//! django-flags: the conditions in its table.
//!
//! Callers have the attributes `username`, `is_authenticated`, `path`, and `query`: an object with the parameters of the
//! request.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat};
use novi_files::{Flag, Tree};

use crate::{
    collector::{Collector, Draft, Imported},
    config::{always, and, attribute, constant, fields, inline, not, or, text},
    options::Options,
    table::{Row, TableSpec, Tables},
};

/// The table of django-flags.
pub const TABLES: [TableSpec; 1] =
    [TableSpec::required("flags_flagstate", &["id", "name", "condition", "value", "required"])];

/// Reads the rows of [`TABLES`].
#[must_use]
pub fn read_tables(tables: &Tables, _: &Options) -> Imported {
    let mut collector = Collector::default();
    let mut flags: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in tables.rows("flags_flagstate") {
        flags.entry(row.text("name")).or_default().push(row);
    }
    for (name, rows) in flags {
        let draft = draft(name, &rows, &mut collector);
        collector.add(format!("flags_flagstate.{name}"), name, draft);
    }
    collector.finish()
}

/// All required conditions have to be met, and one of the others, if there are any.
fn draft(name: &str, rows: &[&Row], collector: &mut Collector) -> Result<Draft, String> {
    let mut differences = Vec::new();
    let (mut required, mut others) = (Vec::new(), Vec::new());
    for row in rows {
        let list = if row.is_true("required") { &mut required } else { &mut others };
        list.push(condition(row.text("condition"), row.text("value"), &mut differences)?);
    }
    if !others.is_empty() {
        required.insert(0, or(others));
    }
    let all = and(required);
    let mut flag = Flag { status: Some(constant(&all) != Some(false)), ..Flag::default() };
    if constant(&all).is_none() {
        flag.activations.push(collector.activation(name, "conditions", all));
    }
    Ok(Draft { flag, differences })
}

fn condition(kind: &str, value: &str, differences: &mut Vec<String>) -> Result<Tree, String> {
    let is_authenticated = || attribute("is_authenticated", "equals", Tree::Bool(true));
    match kind {
        "boolean" => Ok(always(boolean(value)?)),
        "user" => Ok(attribute("username", "equals", text(value))),
        "anonymous" => Ok(if boolean(value)? { not(is_authenticated()) } else { is_authenticated() }),
        "parameter" => {
            let (name, value) = match value.split('=').collect::<Vec<_>>().as_slice() {
                [name, value] => (*name, *value),
                _ => (value, "True"),
            };
            Ok(attribute(&format!("query.{name}"), "equals", text(value)))
        }
        "path matches" => Ok(attribute("path", "regex", text(value))),
        "after date" | "before date" => {
            let Ok(instant) = DateTime::parse_from_rfc3339(&value.trim().replacen(' ', "T", 1)) else {
                differences.push(format!(
                    "{kind} {value:?} has no time zone, and is never met, as in Django with USE_TZ"
                ));
                return Ok(always(false));
            };
            let instant = text(instant.to_utc().to_rfc3339_opts(SecondsFormat::AutoSi, true));
            let field = if kind == "after date" { "startDateTime" } else { "endDateTime" };
            Ok(inline("novi.date_time", fields([(field, instant)])))
        }
        _ => {
            differences.push(format!("the condition {kind:?} is code of the program, and is never met here"));
            Ok(always(false))
        }
    }
}

fn boolean(value: &str) -> Result<bool, String> {
    match value.trim().to_lowercase().as_str() {
        "y" | "yes" | "t" | "true" | "on" | "1" => Ok(true),
        "n" | "no" | "f" | "false" | "off" | "0" => Ok(false),
        _ => Err(format!("expected a boolean such as \"True\", found {value:?}")),
    }
}
