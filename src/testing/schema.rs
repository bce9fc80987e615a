//! Checks values against JSON schemas, as far as derived schemas use them. Other keywords are ignored.
//!
//! The crate `jsonschema` would add 38 crates to the feature `testing`.

use serde_json::{Map, Value as Json};

/// References may form a cycle.
const MAX_DEPTH: u32 = 64;

/// Describes how a value violates a schema, with its path. `None` if the value is valid.
pub(super) fn mismatch(schema: &Json, value: &Json) -> Option<String> {
    Schema { root: schema }.mismatch(schema, value, "config", MAX_DEPTH)
}

/// Describes why a schema is invalid. `None` if it is valid.
pub(super) fn flaw(schema: &Json) -> Option<String> {
    match schema {
        Json::Bool(_) => None,
        Json::Object(keywords) => {
            keywords.iter().find_map(|(keyword, inside)| flaw_of_keyword(keyword, inside))
        }
        other => Some(format!("expected a schema, found {other}")),
    }
}

fn flaw_of_keyword(keyword: &str, inside: &Json) -> Option<String> {
    const TYPES: [&str; 7] = ["null", "boolean", "object", "array", "number", "string", "integer"];
    let is_type = |name: &Json| name.as_str().is_some_and(|name| TYPES.contains(&name));
    match (keyword, inside) {
        ("type", name) if is_type(name) => None,
        ("type", Json::Array(names)) if !names.is_empty() && names.iter().all(is_type) => None,
        ("type", other) => Some(format!("expected the name of a type, found {other}")),
        ("properties" | "$defs" | "patternProperties", Json::Object(schemas)) => {
            schemas.values().find_map(flaw)
        }
        ("anyOf" | "oneOf" | "allOf" | "prefixItems", Json::Array(schemas)) => schemas.iter().find_map(flaw),
        (
            "properties" | "$defs" | "patternProperties" | "anyOf" | "oneOf" | "allOf" | "prefixItems",
            other,
        ) => Some(format!("{keyword}: expected schemas, found {other}")),
        ("items" | "additionalProperties" | "not", inside) => flaw(inside),
        _ => None,
    }
}

struct Schema<'a> {
    root: &'a Json,
}

impl Schema<'_> {
    fn mismatch(&self, schema: &Json, value: &Json, path: &str, depth: u32) -> Option<String> {
        let keywords = match schema {
            Json::Bool(true) => return None,
            Json::Bool(false) => return Some(format!("{path}: nothing is allowed here, found {value}")),
            Json::Object(keywords) => keywords,
            _ => return Some(format!("{path}: expected a schema, found {schema}")),
        };
        let depth = depth.checked_sub(1)?;
        if let Some(reference) = keywords.get("$ref").and_then(Json::as_str) {
            let target = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
            let Some(target) = target else {
                return Some(format!("{path}: the schema refers to {reference:?}, which does not exist"));
            };
            if let Some(mismatch) = self.mismatch(target, value, path, depth) {
                return Some(mismatch);
            }
        }
        if let Some(mismatch) = scalar_mismatch(keywords, value) {
            return Some(format!("{path}: {mismatch}, found {value}"));
        }
        self.combined(keywords, value, path, depth)
            .or_else(|| self.fields(keywords, value.as_object()?, path, depth))
            .or_else(|| self.items(keywords, value.as_array()?, path, depth))
    }

    fn combined(&self, keywords: &Map<String, Json>, value: &Json, path: &str, depth: u32) -> Option<String> {
        let schemas = |keyword: &str| keywords.get(keyword).and_then(Json::as_array);
        if let Some(mismatch) =
            schemas("allOf").and_then(|all| all.iter().find_map(|one| self.mismatch(one, value, path, depth)))
        {
            return Some(mismatch);
        }
        let any = schemas("anyOf").or_else(|| schemas("oneOf"))?;
        let mismatches: Vec<_> = any.iter().map_while(|one| self.mismatch(one, value, path, depth)).collect();
        (mismatches.len() == any.len()).then(|| mismatches.join(", or "))
    }

    fn fields(
        &self,
        keywords: &Map<String, Json>,
        fields: &Map<String, Json>,
        path: &str,
        depth: u32,
    ) -> Option<String> {
        let required = keywords.get("required").and_then(Json::as_array).into_iter().flatten();
        if let Some(missing) = required.filter_map(Json::as_str).find(|name| !fields.contains_key(*name)) {
            return Some(format!("{path}: the field {missing:?} is missing"));
        }
        let known = keywords.get("properties").and_then(Json::as_object);
        let others = keywords.get("additionalProperties").unwrap_or(&Json::Bool(true));
        fields.iter().find_map(|(name, value)| {
            let schema = known.and_then(|known| known.get(name)).unwrap_or(others);
            self.mismatch(schema, value, &format!("{path}.{name}"), depth)
        })
    }

    fn items(&self, keywords: &Map<String, Json>, items: &[Json], path: &str, depth: u32) -> Option<String> {
        let first = keywords.get("prefixItems").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
        let rest = keywords.get("items").unwrap_or(&Json::Bool(true));
        items.iter().enumerate().find_map(|(at, item)| {
            let schema = first.get(at).unwrap_or(rest);
            self.mismatch(schema, item, &format!("{path}[{at}]"), depth)
        })
    }
}

/// Checks the keywords that concern a value itself, not its parts.
fn scalar_mismatch(keywords: &Map<String, Json>, value: &Json) -> Option<String> {
    let fits = |name: &Json| name.as_str().is_some_and(|name| is(name, value));
    match keywords.get("type") {
        Some(Json::Array(names)) if !names.iter().any(fits) => {
            return Some(format!("expected one of {}", Json::from(names.clone())));
        }
        Some(name @ Json::String(_)) if !fits(name) => return Some(format!("expected {name}")),
        _ => {}
    }
    if let Some(constant) = keywords.get("const").filter(|constant| *constant != value) {
        return Some(format!("expected {constant}"));
    }
    if let Some(list) = keywords.get("enum").and_then(Json::as_array).filter(|list| !list.contains(value)) {
        return Some(format!("expected one of {}", Json::from(list.clone())));
    }
    let bound = |keyword: &str| keywords.get(keyword).and_then(Json::as_f64);
    let number = value.as_f64();
    let size = value.as_array().map(Vec::len).or_else(|| value.as_str().map(|text| text.chars().count()));
    let too_low = number.zip(bound("minimum")).is_some_and(|(number, least)| number < least);
    let too_high = number.zip(bound("maximum")).is_some_and(|(number, most)| number > most);
    let least = bound("minItems").or_else(|| bound("minLength"));
    #[expect(clippy::cast_precision_loss, reason = "lengths of examples")]
    let too_short = size.zip(least).is_some_and(|(size, least)| (size as f64) < least);
    (too_low || too_high || too_short).then(|| "expected a value within the bounds of the schema".to_owned())
}

fn is(name: &str, value: &Json) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => {
            value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0)
        }
        "number" => value.is_number(),
        // Unknown types are reported by `flaw`.
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_checked_against_schemas() {
        let schema = json!({
            "$defs": {"size": {"type": "integer", "minimum": 1}},
            "type": "object",
            "properties": {
                "size": {"$ref": "#/$defs/size"},
                "names": {"type": "array", "items": {"anyOf": [{"type": "string"}, {"const": 5}]}, "minItems": 1},
                "kind": {"enum": ["a", "b"]},
                "maybe": {"type": ["null", "boolean"]}
            },
            "required": ["size"],
            "additionalProperties": false
        });
        assert_eq!(flaw(&schema), None);
        for fine in [json!({"size": 1}), json!({"size": 2, "names": ["x", 5], "kind": "b", "maybe": null})] {
            assert_eq!(mismatch(&schema, &fine), None, "{fine}");
        }
        for (invalid, expected) in [
            (json!([]), "config: expected \"object\", found []"),
            (json!({}), "config: the field \"size\" is missing"),
            (json!({"size": 0}), "config.size: expected a value within the bounds of the schema, found 0"),
            (json!({"size": 1.5}), "config.size: expected \"integer\", found 1.5"),
            (
                json!({"size": 1, "names": []}),
                "config.names: expected a value within the bounds of the schema, found []",
            ),
            (
                json!({"size": 1, "names": ["a", 6]}),
                "config.names[1]: expected \"string\", found 6, or config.names[1]: expected 5, found 6",
            ),
            (json!({"size": 1, "kind": "c"}), "config.kind: expected one of [\"a\",\"b\"], found \"c\""),
            (json!({"size": 1, "maybe": 1}), "config.maybe: expected one of [\"null\",\"boolean\"], found 1"),
            (json!({"size": 1, "more": 1}), "config.more: nothing is allowed here, found 1"),
        ] {
            assert_eq!(mismatch(&schema, &invalid).as_deref(), Some(expected));
        }
        for flawed in [
            json!(5),
            json!({"type": "text"}),
            json!({"properties": {"a": {"type": []}}}),
            json!({"anyOf": {}}),
        ] {
            assert!(flaw(&flawed).is_some(), "{flawed}");
        }
        // A cyclic reference requires nothing.
        assert_eq!(mismatch(&json!({"$ref": "#"}), &json!(1)), None);
    }
}
