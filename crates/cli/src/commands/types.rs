//! `novi types`.

use std::process::ExitCode;

use clap::Args;
use novi::activation::ActivationType;
use novi_match::suggest::most_similar;
use serde_json::Value;

use crate::{
    output::{Failure, print, print_json},
    session::Session,
};

/// List activation types with their configs
#[derive(Debug, Args)]
pub(crate) struct Types {
    /// Show only this type, with an example and all values of its fields
    #[arg(value_name = "CLASS")]
    class: Option<String>,
}

impl Types {
    pub(crate) fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let registry = session.config.registry()?;
        let types: Vec<_> = match &self.class {
            Some(class) => match registry.find(class) {
                Some(kind) => vec![kind],
                None => return Err(not_found(class, registry.iter().map(ActivationType::class))),
            },
            None => registry.iter().collect(),
        };
        if session.json {
            print_json(&types)?;
            return Ok(ExitCode::SUCCESS);
        }
        if let (Some(_), [kind]) = (&self.class, &*types) {
            print(format_args!(
                "{}The JSON Schema of the config: novi types {} --json",
                page(kind),
                kind.class()
            ))?;
            return Ok(ExitCode::SUCCESS);
        }
        for kind in types {
            print(describe(kind))?;
        }
        print(
            "One type with an example: novi types CLASS. The JSON Schema of each config: novi types --json",
        )?;
        Ok(ExitCode::SUCCESS)
    }
}

fn not_found<'a>(class: &str, known: impl Iterator<Item = &'a str>) -> Failure {
    let hint = match most_similar(class, known) {
        Some(similar) => format!("did you mean {similar:?}?"),
        None => "`novi types` lists all types".to_owned(),
    };
    Failure::not_found(format!("no activation type has the class name {class:?}; {hint}"))
}

/// The type with its docs, and an example if the docs have one.
fn page(kind: &ActivationType) -> String {
    let schema = kind.schema().to_value();
    let docs = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let (before, example, after) = match docs.split_once("```sql\n") {
        Some((before, rest)) => {
            let (example, after) = rest.split_once("```").unwrap_or((rest, ""));
            (before, example, after)
        }
        None => (docs, "", ""),
    };
    let example =
        if example.is_empty() { String::new() } else { format!("Example:\n\n{}", example.trim_end()) };
    let texts = [describe(kind).trim_end(), before.trim(), after.trim(), &example].map(str::to_owned);
    let texts = texts.into_iter().filter(|text| !text.is_empty());
    texts.flat_map(|text| [text, "\n\n".to_owned()]).collect()
}

fn describe(kind: &ActivationType) -> String {
    let mut lines = vec![kind.class().to_owned(), format!("  {}", kind.description())];
    lines.extend(kind.aliases().iter().map(|alias| format!("  also {alias}")));
    let schema = schema(kind);
    match fields(&schema) {
        Some(fields) => lines.extend(fields.map(|Field { name, kind, required, about }| {
            let optional = if required { "" } else { ", optional" };
            format!("  config.{name} ({kind}{optional}): {about}")
        })),
        None => lines.push(format!("  config: {}", type_name(&schema, &schema))),
    }
    lines.push(String::new());
    lines.join("\n")
}

/// A field of a config.
pub(super) struct Field<'s> {
    pub(super) name: &'s str,
    /// Its type in words.
    pub(super) kind: String,
    pub(super) required: bool,
    pub(super) about: &'s str,
}

/// The JSON Schema of a config.
pub(super) fn schema(kind: &ActivationType) -> Value {
    let mut schema = kind.schema().to_value();
    if let Some(root) = schema.as_object_mut() {
        // The name of the Rust type adds nothing to the class name.
        root.remove("title");
    }
    schema
}

/// The fields of a config that is an object.
pub(super) fn fields(schema: &Value) -> Option<impl Iterator<Item = Field<'_>>> {
    let required = schema.get("required").and_then(Value::as_array);
    let fields = schema.get("properties")?.as_object()?;
    Some(fields.iter().map(move |(name, field)| Field {
        name,
        kind: type_name(field, schema),
        required: required.is_some_and(|required| required.iter().any(|known| known == name)),
        about: field.get("description").and_then(Value::as_str).unwrap_or_default(),
    }))
}

/// A short name of the type of a part of a schema, or its values.
fn type_name(part: &Value, schema: &Value) -> String {
    if let Some(title) = part.get("title").and_then(Value::as_str) {
        return title.to_owned();
    }
    let referred = part.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#'));
    if let Some(referred) = referred.and_then(|path| schema.pointer(path)) {
        return type_name(referred, schema);
    }
    if let Some(value) = part.get("const") {
        return value.to_string();
    }
    let list = |names: &[Value], name: fn(&Value, &Value) -> String| {
        let names = names.iter().map(|part| name(part, schema)).filter(|name| name != "null");
        names.collect::<Vec<_>>().join(" or ")
    };
    if let Some(values) = part.get("enum").and_then(Value::as_array) {
        return list(values, |value, _| value.to_string());
    }
    match part.get("type") {
        Some(Value::String(name)) => named_type(name, part, schema),
        Some(Value::Array(names)) => {
            let names = names.iter().filter_map(Value::as_str).filter(|name| *name != "null");
            names.map(|name| named_type(name, part, schema)).collect::<Vec<_>>().join(" or ")
        }
        _ => match ["anyOf", "oneOf"].iter().find_map(|key| part.get(key)?.as_array()) {
            Some(choices) => list(choices, type_name),
            None => "any".to_owned(),
        },
    }
}

fn named_type(name: &str, part: &Value, schema: &Value) -> String {
    match (name, part.get("properties").and_then(Value::as_object)) {
        ("array", _) => {
            let items = part.get("items").map_or_else(|| "any".to_owned(), |items| type_name(items, schema));
            format!("list of {items}")
        }
        ("object", Some(fields)) => format!("{{{}}}", fields.keys().cloned().collect::<Vec<_>>().join(", ")),
        _ => match (part.get("minimum"), part.get("maximum")) {
            (Some(least), Some(most)) => format!("{name} from {least} to {most}"),
            (Some(least), None) => format!("{name} of {least} or more"),
            (None, Some(most)) => format!("{name} of {most} or less"),
            (None, None) => name.to_owned(),
        },
    }
}
