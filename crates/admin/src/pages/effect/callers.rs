//! The callers that a change is measured over: typed, or made up from the rules.

use std::collections::{BTreeMap, BTreeSet};

use novi::rows::{ActivationRow, Rows};
use serde_json::{Map, Value, json};

use crate::{body::Entered, pages::flags::find_activation};

/// How many callers are made up.
const COUNT: usize = 1000;

/// The most attributes of a made-up caller, and values of each.
const MOST_ATTRIBUTES: usize = 12;
const MOST_VALUES: usize = 6;

/// Fields of configs that are no values of an attribute.
const NO_VALUES: [&str; 8] =
    ["attribute", "by", "salt", "hash", "timezone", "ignore_case", "class_name", "semver_strict"];

/// The most callers that are entered, which is the limit of the API.
const MOST: usize = 100_000;

/// One caller in JSON on each line. Errors name the file and the line.
pub(super) fn entered(entered: Entered<'_>) -> Result<Vec<Value>, String> {
    let source = entered.file.unwrap_or("Callers");
    let bytes = entered
        .text
        .ok_or_else(|| format!("{source}: the server no longer keeps this file; choose it again."))?;
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes.iter().take(error.valid_up_to()).filter(|byte| **byte == b'\n').count() + 1;
        format!("{source}, line {line}: expected text in UTF-8.")
    })?;
    let mut callers = Vec::new();
    for (number, line) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
        if line.trim().is_empty() {
            continue;
        }
        if callers.len() == MOST {
            return Err(format!("{source}, line {number}: expected at most {MOST} callers."));
        }
        match serde_json::from_str(line) {
            Ok(context @ Value::Object(_)) => callers.push(context),
            Ok(_) => return Err(format!("{source}, line {number}: expected a JSON object.")),
            Err(error) => return Err(format!("{source}, line {number}: not JSON: {error}.")),
        }
    }
    if callers.is_empty() {
        Err(format!("{source}: expected one caller in JSON on each line, found none."))
    } else {
        Ok(callers)
    }
}

/// Made-up callers with the values that configs name, in all combinations, and one that none names.
pub(crate) fn generated(rows: &Rows, activations: &[i64], configs: &[&str]) -> Vec<Value> {
    let mut found = Attributes::default();
    let mut seen: BTreeSet<i64> = BTreeSet::new();
    let mut next: Vec<i64> = activations.to_vec();
    for config in configs {
        found.read(config, rows, &mut next);
    }
    while let Some(id) = next.pop() {
        let Some(row) = find_activation(rows, id).filter(|_| seen.insert(id)) else { continue };
        found.members(row, rows);
        found.read(row.config.as_deref().unwrap_or_default(), rows, &mut next);
    }
    (0..COUNT).map(|number| found.caller(number)).collect()
}

/// The same callers, the first of which have these keys in the attributes by which an activation knows its members.
pub(crate) fn keyed(mut callers: Vec<Value>, activation: &ActivationRow, keys: &[&str]) -> Vec<Value> {
    let config = activation.config.as_deref().and_then(|config| serde_json::from_str::<Value>(config).ok());
    let by = match config.as_ref().and_then(|config| config.get("by")) {
        Some(Value::Array(names)) => names.first().and_then(Value::as_str),
        Some(by) => by.as_str(),
        None => None,
    };
    for (caller, key) in callers.iter_mut().zip(keys) {
        caller[by.unwrap_or("targetingKey")] = json!(key);
    }
    callers
}

/// The attributes that configs name, with their values.
#[derive(Default)]
struct Attributes {
    values: BTreeMap<String, Vec<Value>>,
    /// Members of lists, as keys.
    members: Vec<String>,
}

impl Attributes {
    fn read(&mut self, config: &str, rows: &Rows, next: &mut Vec<i64>) {
        // Deeper than the parser allows is no config either.
        if let Ok(config) = serde_json::from_str::<Value>(config) {
            self.walk(&config, rows, next);
        }
    }

    fn walk(&mut self, json: &Value, rows: &Rows, next: &mut Vec<i64>) {
        match json {
            // Lists of numbers may be ids of activations.
            Value::Array(items) => {
                next.extend(items.iter().filter_map(Value::as_i64));
                for item in items {
                    self.walk(item, rows, next);
                }
            }
            Value::Object(fields) => {
                if let Some(name) = fields.get("attribute").and_then(Value::as_str) {
                    let values = fields.iter().filter(|(field, _)| !NO_VALUES.contains(&field.as_str()));
                    for (_, value) in values {
                        self.add(name, value);
                    }
                }
                if let Some(cases) = fields.get("cases") {
                    self.cases(fields.get("by"), cases);
                }
                let flag = fields.get("flag").and_then(Value::as_str);
                if let Some(row) = flag.and_then(|name| rows.flags.iter().find(|row| row.name == name)) {
                    let links = rows.links.iter().filter(|link| link.flag_id == Some(row.id));
                    next.extend(links.filter_map(|link| link.activation_id));
                }
                for value in fields.values() {
                    self.walk(value, rows, next);
                }
            }
            _ => {}
        }
    }

    /// The values of a `novi.switch`.
    fn cases(&mut self, by: Option<&Value>, cases: &Value) {
        let names: Vec<&str> = match by {
            Some(Value::String(name)) => vec![name],
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ => return,
        };
        match (cases, names.as_slice()) {
            (Value::Object(cases), [name]) => {
                for value in cases.keys() {
                    self.add(name, &Value::from(value.as_str()));
                }
            }
            (Value::Array(cases), _) => {
                let values = cases.iter().filter_map(|case| case.get("values")?.as_array());
                let pairs = values.flat_map(|values| names.iter().zip(values));
                for (name, value) in pairs.filter(|(_, value)| **value != "*") {
                    self.add(name, value);
                }
            }
            _ => {}
        }
    }

    fn members(&mut self, row: &ActivationRow, rows: &Rows) {
        let members = rows.members_of(row.id).iter().map(|row| row.member.clone());
        self.members.extend(members.take(MOST_VALUES));
    }

    fn add(&mut self, name: &str, value: &Value) {
        let values = match value {
            Value::Array(values) => values.as_slice(),
            value => std::slice::from_ref(value),
        };
        if !self.values.contains_key(name) && self.values.len() == MOST_ATTRIBUTES {
            return;
        }
        let known = self.values.entry(name.to_owned()).or_default();
        for value in values.iter().filter(|value| !value.is_object() && !value.is_array() && !value.is_null())
        {
            let mut near = vec![value.clone()];
            // A number is often a bound.
            if let Some(number) = value.as_i64() {
                near.push(number.saturating_add(1).into());
            }
            for value in near {
                if known.len() < MOST_VALUES && !known.contains(&value) {
                    known.push(value);
                }
            }
        }
    }

    fn caller(&self, number: usize) -> Value {
        let mut context = Map::new();
        let key = self.members.get(number).cloned().unwrap_or_else(|| format!("caller-{number}"));
        context.insert("targetingKey".to_owned(), json!(key));
        // Each attribute has one more value, which no rule names.
        let mut rest = number;
        for (name, values) in &self.values {
            let place = rest % (values.len() + 1);
            rest /= values.len() + 1;
            context.insert(name.clone(), values.get(place).cloned().unwrap_or_else(|| json!("other")));
        }
        Value::Object(context)
    }
}

#[cfg(test)]
mod tests {
    use novi::rows::{FlagRow, LinkRow, MemberRow};

    use super::*;

    #[test]
    fn callers_have_the_values_that_the_rules_name() {
        let row = |id, class, config: Value| ActivationRow::new(id, "row", class, config.to_string());
        let rows = Rows {
            flags: vec![FlagRow::new(1, "other", true)],
            activations: vec![
                row(1, "novi.attribute", json!({"attribute": "country", "in": ["DE", "AT"]})),
                row(2, "novi.flag", json!({"flag": "other"})),
                row(3, "novi.attribute", json!({"attribute": "age", "less": 18})),
                row(4, "novi.members", json!({})),
            ],
            links: vec![LinkRow::new(1, 3)],
            members: vec![MemberRow::allowed(4, "ann")],
            ..Rows::default()
        };
        let switch =
            json!({"by": ["plan", "x"], "cases": [{"values": ["pro", "*"], "gives": true}]}).to_string();
        let callers = generated(&rows, &[2], &["[1, 4]", &switch, "not JSON"]);
        assert_eq!(callers.len(), COUNT);
        assert_eq!(callers[0]["targetingKey"], "ann");
        let values = |name: &str| -> BTreeSet<String> {
            callers.iter().map(|caller| caller[name].to_string()).collect()
        };
        assert_eq!(values("country"), ["\"AT\"", "\"DE\"", "\"other\""].map(str::to_owned).into());
        assert_eq!(values("age"), ["\"other\"", "18", "19"].map(str::to_owned).into());
        assert_eq!(values("plan"), ["\"other\"", "\"pro\""].map(str::to_owned).into());
        assert_eq!(values("x"), ["null".to_owned()].into());
    }

    #[test]
    fn entered_callers_are_objects_on_lines() {
        let read =
            |text: &str| entered(Entered { query: None, file: Some("a.jsonl"), text: Some(text.as_bytes()) });
        assert_eq!(read("\u{feff}{\"a\": 1}\n\r\n {}\n"), Ok(vec![json!({"a": 1}), json!({})]));
        let error = |text: &str| read(text).unwrap_err();
        assert_eq!(error("{}\n[1]"), "a.jsonl, line 2: expected a JSON object.");
        assert!(error("{}\n\n{").starts_with("a.jsonl, line 3: not JSON"));
        assert_eq!(error("\n"), "a.jsonl: expected one caller in JSON on each line, found none.");
        assert_eq!(read(&"{}\n".repeat(MOST)).map(|callers| callers.len()), Ok(MOST));
        assert_eq!(error(&"{}\n".repeat(MOST + 1)), "a.jsonl, line 100001: expected at most 100000 callers.");
        let typed = entered(Entered { query: None, file: None, text: Some(b"{}\n\xff") });
        assert_eq!(typed.unwrap_err(), "Callers, line 2: expected text in UTF-8.");
    }
}
