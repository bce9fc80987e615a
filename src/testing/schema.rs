//! Whether a value is what a JSON Schema asks for, in the words that derived schemas have. Words beyond them ask for
//! nothing.

use serde_json::{Map, Value as Json};

/// References may lead in a circle.
const DEEPEST: u32 = 64;

/// What is wrong with a value, with where; nothing if it is as the schema says.
pub(super) fn mismatch(schema: &Json, value: &Json) -> Option<String> {
    Schema { root: schema }.mismatch(schema, value, "config", DEEPEST)
}

/// What is wrong with a schema itself.
pub(super) fn flaw(schema: &Json) -> Option<String> {
    match schema {
        Json::Bool(_) => None,
        Json::Object(words) => words.iter().find_map(|(word, inside)| flaw_of_word(word, inside)),
        other => Some(format!("expected a schema, found {other}")),
    }
}

fn flaw_of_word(word: &str, inside: &Json) -> Option<String> {
    const TYPES: [&str; 7] = ["null", "boolean", "object", "array", "number", "string", "integer"];
    let is_type = |name: &Json| name.as_str().is_some_and(|name| TYPES.contains(&name));
    match (word, inside) {
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
        ) => Some(format!("{word}: expected schemas, found {other}")),
        ("items" | "additionalProperties" | "not", inside) => flaw(inside),
        _ => None,
    }
}

struct Schema<'a> {
    root: &'a Json,
}

impl Schema<'_> {
    fn mismatch(&self, schema: &Json, value: &Json, path: &str, depth: u32) -> Option<String> {
        let words = match schema {
            Json::Bool(true) => return None,
            Json::Bool(false) => return Some(format!("{path}: nothing is allowed here, found {value}")),
            Json::Object(words) => words,
            _ => return Some(format!("{path}: {schema} is no schema")),
        };
        let depth = depth.checked_sub(1)?;
        if let Some(reference) = words.get("$ref").and_then(Json::as_str) {
            let target = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
            let Some(target) = target else {
                return Some(format!("{path}: the schema refers to {reference:?}, which is not there"));
            };
            if let Some(wrong) = self.mismatch(target, value, path, depth) {
                return Some(wrong);
            }
        }
        if let Some(wrong) = scalar_mismatch(words, value) {
            return Some(format!("{path}: {wrong}, found {value}"));
        }
        self.combined(words, value, path, depth)
            .or_else(|| self.fields(words, value.as_object()?, path, depth))
            .or_else(|| self.items(words, value.as_array()?, path, depth))
    }

    fn combined(&self, words: &Map<String, Json>, value: &Json, path: &str, depth: u32) -> Option<String> {
        let schemas = |word: &str| words.get(word).and_then(Json::as_array);
        if let Some(wrong) =
            schemas("allOf").and_then(|all| all.iter().find_map(|one| self.mismatch(one, value, path, depth)))
        {
            return Some(wrong);
        }
        let any = schemas("anyOf").or_else(|| schemas("oneOf"))?;
        let wrong: Vec<_> = any.iter().map_while(|one| self.mismatch(one, value, path, depth)).collect();
        (wrong.len() == any.len()).then(|| wrong.join(", or "))
    }

    fn fields(
        &self,
        words: &Map<String, Json>,
        fields: &Map<String, Json>,
        path: &str,
        depth: u32,
    ) -> Option<String> {
        let required = words.get("required").and_then(Json::as_array).into_iter().flatten();
        if let Some(missing) = required.filter_map(Json::as_str).find(|name| !fields.contains_key(*name)) {
            return Some(format!("{path}: the field {missing:?} is missing"));
        }
        let known = words.get("properties").and_then(Json::as_object);
        let others = words.get("additionalProperties").unwrap_or(&Json::Bool(true));
        fields.iter().find_map(|(name, value)| {
            let schema = known.and_then(|known| known.get(name)).unwrap_or(others);
            self.mismatch(schema, value, &format!("{path}.{name}"), depth)
        })
    }

    fn items(&self, words: &Map<String, Json>, items: &[Json], path: &str, depth: u32) -> Option<String> {
        let first = words.get("prefixItems").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
        let rest = words.get("items").unwrap_or(&Json::Bool(true));
        items.iter().enumerate().find_map(|(at, item)| {
            let schema = first.get(at).unwrap_or(rest);
            self.mismatch(schema, item, &format!("{path}[{at}]"), depth)
        })
    }
}

/// What is wrong with a value by itself.
fn scalar_mismatch(words: &Map<String, Json>, value: &Json) -> Option<String> {
    let fits = |name: &Json| name.as_str().is_some_and(|name| is(name, value));
    match words.get("type") {
        Some(Json::Array(names)) if !names.iter().any(fits) => {
            return Some(format!("expected one of {}", Json::from(names.clone())));
        }
        Some(name @ Json::String(_)) if !fits(name) => return Some(format!("expected {name}")),
        _ => {}
    }
    if let Some(constant) = words.get("const").filter(|constant| *constant != value) {
        return Some(format!("expected {constant}"));
    }
    if let Some(list) = words.get("enum").and_then(Json::as_array).filter(|list| !list.contains(value)) {
        return Some(format!("expected one of {}", Json::from(list.clone())));
    }
    let bound = |word: &str| words.get(word).and_then(Json::as_f64);
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
        // A word that is not known asks for nothing.
        "number" => value.is_number(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_held_against_schemas() {
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
        for (wrong, told) in [
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
            assert_eq!(mismatch(&schema, &wrong).as_deref(), Some(told));
        }
        for flawed in [
            json!(5),
            json!({"type": "text"}),
            json!({"properties": {"a": {"type": []}}}),
            json!({"anyOf": {}}),
        ] {
            assert!(flaw(&flawed).is_some(), "{flawed}");
        }
        // A circle asks for nothing.
        assert_eq!(mismatch(&json!({"$ref": "#"}), &json!(1)), None);
    }
}
