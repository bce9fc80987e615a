//! The places of the values of a JSON text.

use jsonc_parser::{
    CollectOptions, ParseOptions,
    ast::{Object, Value},
    common::Ranged as _,
    parse_to_ast,
};

use super::node::{Entry, Kind, Node, Quotes};

/// Parses a text. `None` if it is empty or not JSON.
pub(super) fn parse_json(text: &str) -> Option<Node> {
    let parsed = parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default()).ok()?;
    node(text, &parsed.value?)
}

fn node(text: &str, value: &Value<'_>) -> Option<Node> {
    let range = value.range();
    let kind = match value {
        Value::Object(object) => Kind::Table { is_flow: true, entries: entries(text, object)? },
        Value::Array(array) => {
            let items = array.elements.iter().map(|item| node(text, item));
            Kind::List { is_flow: true, items: items.collect::<Option<_>>()? }
        }
        Value::StringLit(_) => Kind::Scalar(Quotes::Double),
        Value::NumberLit(_) | Value::BooleanLit(_) | Value::NullKeyword(_) => Kind::Scalar(Quotes::None),
    };
    Some(Node { kind, range: range.start..range.end, has_properties: false })
}

fn entries(text: &str, object: &Object<'_>) -> Option<Vec<Entry>> {
    let entry = |property: &jsonc_parser::ast::ObjectProp<'_>| {
        let after = text.get(property.name.range().end..)?;
        let colon = property.name.range().end + after.find(':')? + 1;
        let key = property.name.as_str().to_owned();
        Some(Entry { key, start: property.range.start, colon, value: node(text, &property.value)? })
    };
    object.properties.iter().map(entry).collect()
}
