//! `types`.

use std::process::ExitCode;

use novi::ActivationType;
use serde_json::Value;

use super::Session;
use crate::{
    failure::Failure,
    output::{print, print_json},
};

pub(crate) fn types(session: &Session) -> Result<ExitCode, Failure> {
    let registry = session.config.registry()?;
    if session.json {
        print_json(&registry.iter().collect::<Vec<_>>())?;
        return Ok(ExitCode::SUCCESS);
    }
    for kind in registry.iter() {
        print(describe(kind))?;
    }
    print("The JSON Schema of each config: novi types --json")?;
    Ok(ExitCode::SUCCESS)
}

fn describe(kind: &ActivationType) -> String {
    let mut lines = vec![kind.class().to_owned(), format!("  {}", kind.description())];
    lines.extend(kind.aliases().iter().map(|alias| format!("  also {alias}")));
    let mut schema = kind.schema().to_value();
    if let Some(root) = schema.as_object_mut() {
        // The name of the Rust type says nothing that the class name does not.
        root.remove("title");
    }
    match schema.get("properties").and_then(Value::as_object) {
        Some(fields) => lines.extend(fields.iter().map(|(name, field)| {
            let required = schema.get("required").and_then(Value::as_array);
            let required = required.is_some_and(|required| required.iter().any(|known| known == name));
            let about = field.get("description").and_then(Value::as_str).unwrap_or_default();
            let optional = if required { "" } else { ", optional" };
            format!("  config.{name} ({}{optional}): {about}", kind_of(field))
        })),
        None => lines.push(format!("  config: {}", kind_of(&schema))),
    }
    lines.push(String::new());
    lines.join("\n")
}

/// A schema's type in a word or two.
fn kind_of(schema: &Value) -> String {
    if let Some(title) = schema.get("title").and_then(Value::as_str) {
        return title.to_owned();
    }
    let other_than_null = |value: &Value| value.as_str().filter(|name| *name != "null").map(str::to_owned);
    match schema.get("type") {
        Some(Value::String(name)) if name == "array" => {
            format!("list of {}", schema.get("items").map_or_else(|| "any".to_owned(), kind_of))
        }
        Some(Value::String(name)) if name == "object" => {
            match schema.get("properties").and_then(Value::as_object) {
                Some(fields) => format!("{{{}}}", fields.keys().cloned().collect::<Vec<_>>().join(", ")),
                None => name.clone(),
            }
        }
        Some(Value::String(name)) => name.clone(),
        Some(Value::Array(names)) => {
            names.iter().filter_map(other_than_null).collect::<Vec<_>>().join(" or ")
        }
        _ => match schema.get("anyOf").and_then(Value::as_array) {
            Some(choices) => choices.iter().map(kind_of).collect::<Vec<_>>().join(", or "),
            None => "any".to_owned(),
        },
    }
}
