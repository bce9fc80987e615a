//! `novi types`.

use std::process::ExitCode;

use clap::Args;
use novi::activation::ActivationType;
use serde_json::Value;

use crate::{
    output::{Failure, print, print_json},
    session::Session,
};

/// List activation types with their configs
#[derive(Debug, Args)]
pub(crate) struct Types {
    /// Show only this type
    #[arg(value_name = "CLASS")]
    class: Option<String>,
}

impl Types {
    pub(crate) fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let registry = session.config.registry()?;
        let types: Vec<_> = match &self.class {
            Some(class) => registry.find(class).into_iter().collect(),
            None => registry.iter().collect(),
        };
        if let (Some(class), true) = (self.class, types.is_empty()) {
            let message =
                format!("no activation type has the class name {class:?}; `novi types` lists all types");
            return Err(Failure::not_found(message));
        }
        if session.json {
            print_json(&types)?;
            return Ok(ExitCode::SUCCESS);
        }
        for kind in types {
            print(describe(kind))?;
        }
        print("The JSON Schema of each config: novi types --json")?;
        Ok(ExitCode::SUCCESS)
    }
}

fn describe(kind: &ActivationType) -> String {
    let mut lines = vec![kind.class().to_owned(), format!("  {}", kind.description())];
    lines.extend(kind.aliases().iter().map(|alias| format!("  also {alias}")));
    let mut schema = kind.schema().to_value();
    if let Some(root) = schema.as_object_mut() {
        // The name of the Rust type adds nothing to the class name.
        root.remove("title");
    }
    match schema.get("properties").and_then(Value::as_object) {
        Some(fields) => lines.extend(fields.iter().map(|(name, field)| {
            let required = schema.get("required").and_then(Value::as_array);
            let required = required.is_some_and(|required| required.iter().any(|known| known == name));
            let about = field.get("description").and_then(Value::as_str).unwrap_or_default();
            let optional = if required { "" } else { ", optional" };
            format!("  config.{name} ({}{optional}): {about}", type_name(field))
        })),
        None => lines.push(format!("  config: {}", type_name(&schema))),
    }
    lines.push(String::new());
    lines.join("\n")
}

/// A short name of a schema's type.
fn type_name(schema: &Value) -> String {
    if let Some(title) = schema.get("title").and_then(Value::as_str) {
        return title.to_owned();
    }
    match schema.get("type") {
        Some(Value::String(name)) => named_type(name, schema),
        Some(Value::Array(names)) => {
            let names = names.iter().filter_map(Value::as_str).filter(|name| *name != "null");
            names.map(|name| named_type(name, schema)).collect::<Vec<_>>().join(" or ")
        }
        _ => match schema.get("anyOf").and_then(Value::as_array) {
            Some(choices) => choices.iter().map(type_name).collect::<Vec<_>>().join(", or "),
            None => "any".to_owned(),
        },
    }
}

fn named_type(name: &str, schema: &Value) -> String {
    match (name, schema.get("properties").and_then(Value::as_object)) {
        ("array", _) => {
            format!("list of {}", schema.get("items").map_or_else(|| "any".to_owned(), type_name))
        }
        ("object", Some(fields)) => format!("{{{}}}", fields.keys().cloned().collect::<Vec<_>>().join(", ")),
        _ => name.to_owned(),
    }
}
