//! Changed fields of a row, for people.

use std::fmt::Write as _;

use novi::store::{
    FieldChange,
    history::{Entity, Operation},
};
use serde_json::Value;

/// `: status true -> false`. For added and removed rows without the fields that their subject already names.
pub(crate) fn fields(entity: Entity, operation: Operation, changes: &[FieldChange]) -> String {
    let named: &[&str] = match (operation, entity) {
        (Operation::Update, _) => &[],
        (_, Entity::Flag | Entity::Activation) => &["id", "name"],
        (_, Entity::Metadata) => &["flag_id"],
        (_, Entity::Link) => &["flag_id", "activation_id"],
        (_, Entity::Member) => &["activation_id", "member"],
        _ => &[],
    };
    let mut text = String::new();
    let shown = changes.iter().filter(|change| !named.contains(&change.field.as_str()));
    for change in shown.flat_map(|change| change.narrowed(SHOWN)) {
        text.push_str(if text.is_empty() { ": " } else { ", " });
        let (before, after) = (value(&change.before), value(&change.after));
        // Writing to a string does not fail.
        let written = match operation {
            Operation::Update => write!(text, "{} {before} -> {after}", change.field),
            Operation::Insert => write!(text, "{} {after}", change.field),
            Operation::Delete => write!(text, "{} {before}", change.field),
        };
        if written.is_err() {
            break;
        }
    }
    text
}

/// `status: true -> false`
pub(crate) fn field(change: &FieldChange) -> String {
    let narrowed = change.narrowed(SHOWN);
    let field = |change: &FieldChange| {
        format!("{}: {} -> {}", change.field, value(&change.before), value(&change.after))
    };
    narrowed.iter().map(field).collect::<Vec<_>>().join(", ")
}

/// The characters of a value that are shown: enough to recognize a config.
const SHOWN: usize = 200;

pub(super) fn value(value: &Value) -> String {
    let text = match value {
        // Configs, variants and tags are columns of JSON text: escaping their quotes makes them hard to read.
        Value::String(json) if json.starts_with(['{', '[']) => json.replace('\n', "\\n"),
        value => value.to_string(),
    };
    if text.chars().count() <= SHOWN {
        return text;
    }
    text.chars().take(SHOWN).chain(['…']).collect()
}
