//! A dump of hanoi's back-end in memory.

use novi_files::Tree;

use crate::{
    collector::{Collector, Imported},
    error::{ImportError, parse_json},
    hanoi::draft::{Function, draft},
    options::{HanoiVersion, Options},
};

/// Reads a dump of the back-end in memory: `{"version": "0.0.4" or "head", "functions": {NAME: FUNCTION}}`, with the
/// fields `enabled`, `percentage`, `field`, `variants`, `users` and `rule` of each function.
///
/// # Errors
/// A text that has not this form.
pub fn read_memory(text: &str, options: &Options) -> Result<Imported, ImportError> {
    let dump = parse_json(text)?;
    let version = match dump.get("version") {
        None => HanoiVersion::Head,
        Some(version) => version.as_str().and_then(HanoiVersion::parse).ok_or_else(|| {
            ImportError::new(format!("version: expected \"0.0.4\" or \"head\", found {}", version.to_json()))
        })?,
    };
    let version = options.hanoi_version.unwrap_or(version);
    let functions = dump.get("functions").and_then(Tree::as_fields);
    let functions = functions.ok_or_else(|| ImportError::new("expected an object `functions` by name"))?;
    let mut collector = Collector::default();
    for (name, value) in functions {
        let function = function(value, version);
        let draft = function.map(|function| draft(&mut collector, name, function, &options.by));
        collector.add(format!("functions.{name}"), name, draft);
    }
    Ok(collector.finish())
}

fn function(value: &Tree, version: HanoiVersion) -> Result<Function, String> {
    let Some(fields) = value.as_fields() else {
        return Err(format!("expected an object, found {}", value.to_json()));
    };
    let mut function = Function {
        enabled: true,
        percentage: 100,
        field: None,
        users: Vec::new(),
        variants: Vec::new(),
        rule: None,
        version,
    };
    for (name, value) in fields {
        let expected = |what: &str| format!("{name}: expected {what}, found {}", value.to_json());
        let string = || value.as_str().map(str::to_owned).ok_or_else(|| expected("a string"));
        let list = || strings(value).ok_or_else(|| expected("a list of strings"));
        match (name.as_str(), value) {
            ("field" | "variants" | "users" | "rule", Tree::Null) => (),
            ("enabled", _) => function.enabled = value.as_bool().ok_or_else(|| expected("true or false"))?,
            ("percentage", _) => {
                function.percentage =
                    percentage(value).ok_or_else(|| expected("a whole number from 0 to 100"))?;
            }
            ("field", _) => function.field = Some(string()?),
            ("rule", _) => function.rule = Some(string()?),
            ("variants", _) => function.variants = list()?,
            ("users", _) => function.users = list()?,
            _ => return Err(format!("unknown field `{name}`")),
        }
    }
    Ok(function)
}

fn percentage(value: &Tree) -> Option<u8> {
    let Tree::Number(number) = value else { return None };
    let number = number.as_u64().and_then(|number| u8::try_from(number).ok());
    number.filter(|percentage| *percentage <= 100)
}

fn strings(value: &Tree) -> Option<Vec<String>> {
    value.as_list()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}
