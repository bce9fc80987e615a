//! The text that an editor shows of an activation.

use novi::{activation::ActivationType, rows::ActivationRow};
use serde_json::Value;

use crate::commands::{
    json_text::{compact, indented},
    types::{fields, schema},
};

/// Marks the error of the previous attempt, which the next one replaces.
const ERROR: &str = "// error: ";

/// The config of an activation as JSON, with what its fields mean in comments.
pub(super) fn document(kind: Option<&ActivationType>, row: &ActivationRow, users: &[&str]) -> String {
    let about = kind.map(|kind| format!(": {}", kind.description())).unwrap_or_default();
    let mut text = comment("", &format!("activations#{} {:?}, {}{about}", row.id, row.name, row.class_name));
    let users = if users.is_empty() { "no flag".to_owned() } else { users.join(", ") };
    text.push_str(&comment("", &format!("Used by {users}.")));
    text.push_str("// Save and quit to write it. Comments are not stored.\n");
    let config = row.config.as_deref().unwrap_or("{}");
    let schema = kind.map(schema).unwrap_or_default();
    // What is not JSON is shown as it is, to be corrected.
    let shown = compact(config).map(|config| with_fields(&indented(&config), &schema));
    text.push_str(&shown.unwrap_or_else(|_| config.to_owned()));
    text.push('\n');
    text
}

/// The config with a comment above each of its fields, and the fields that it does not have.
fn with_fields(config: &str, schema: &Value) -> String {
    let (Some(fields), Some(inner)) = (fields(schema), config.strip_prefix('{')) else {
        return config.to_owned();
    };
    let mut rest: Vec<_> = fields.collect();
    let mut text = String::from("{\n");
    let inner = inner.strip_suffix('}').unwrap_or(inner);
    for line in inner.lines().filter(|line| !line.trim().is_empty()) {
        let is_named = |name: &str| line.starts_with(&format!("  {}: ", Value::from(name)));
        if let Some(at) = rest.iter().position(|field| is_named(field.name)) {
            let field = rest.remove(at);
            text.push_str(&comment("  ", &format!("{} ({})", field.about, field.kind)));
        }
        text.push_str(line);
        text.push('\n');
    }
    for field in rest {
        let required = if field.required { ", required" } else { "" };
        let name = Value::from(field.name);
        text.push_str(&comment("  ", &format!("{name}: {} ({}{required})", field.about, field.kind)));
    }
    text.push('}');
    text
}

/// The text with an error at its top, in place of an earlier one.
pub(super) fn with_error(text: &str, error: &str) -> String {
    let mut shown = String::new();
    for line in error.lines() {
        shown.extend([ERROR, &one_line(line), "\n"]);
    }
    shown.extend(text.split_inclusive('\n').skip_while(|line| line.starts_with(ERROR)));
    shown
}

fn comment(indent: &str, text: &str) -> String {
    format!("{indent}// {}\n", one_line(text))
}

/// A line feed would end the comment.
fn one_line(text: &str) -> String {
    text.split(|letter: char| letter.is_control()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn document_explains_fields_and_is_the_config_without_comments() {
        let registry = novi::activation::Registry::global().unwrap();
        let kind = registry.find("novi.percentage");
        for config in
            [r#"{"percentage":25,"by":["a","b"]}"#, "{}", r#"{"by":"x","unknown":{"percentage":1}}"#, "[1,2]"]
        {
            let row = ActivationRow::new(7, "a\n// \"quarter\"", "novi.percentage", config);
            let text = document(kind, &row, &["checkout"]);
            assert_eq!(compact(&text).unwrap(), config, "{text}");
            let failed = with_error(&with_error(&text, "one\ntwo"), "three");
            assert_eq!(failed, format!("// error: three\n{text}"));
        }
        let row = ActivationRow::new(7, "A quarter", "novi.percentage", r#"{"percentage":25}"#);
        let text = document(kind, &row, &[]);
        assert!(text.contains("  // From 0 to 100, with a precision"), "{text}");
        assert!(text.contains("  // \"by\": Attribute to bucket by."), "{text}");
        let broken = ActivationRow::new(7, "A quarter", "novi.percentage", "{\"percentage\": ");
        assert!(document(kind, &broken, &[]).ends_with("{\"percentage\": \n"));
    }
}
