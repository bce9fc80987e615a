//! The ramps of flags, also inside of `novi.and` and `novi.rules`.

use std::collections::{BTreeSet, HashMap};

use novi::rows::{ActivationRow, Rows};
use serde_json::Value;

/// The class name of ramps.
const RAMP: &str = "novi.ramp";

/// A ramp, and the row that has its config: as its own, or inside of it.
#[derive(Clone, Debug)]
pub(crate) struct Ramp<'r> {
    pub(crate) row: &'r ActivationRow,
    pub(crate) config: String,
    /// The JSON pointer of the config in that of the row.
    pointer: String,
}

impl Ramp<'_> {
    /// The row with another config of the ramp.
    pub(crate) fn replaced(&self, config: String) -> ActivationRow {
        let mut row = self.row.clone();
        let text = row.config.as_deref().unwrap_or_default();
        let whole = serde_json::from_str::<Value>(text).ok().zip(serde_json::from_str(&config).ok());
        row.config = match whole {
            Some((mut whole, inner)) if !self.pointer.is_empty() => {
                if let Some(place) = whole.pointer_mut(&self.pointer) {
                    *place = inner;
                }
                Some(whole.to_string())
            }
            _ => Some(config),
        };
        row
    }
}

/// The activations of flags, by id.
pub(crate) struct Ramps<'r> {
    rows: HashMap<i64, &'r ActivationRow>,
    linked: HashMap<i64, Vec<i64>>,
}

impl<'r> Ramps<'r> {
    pub(crate) fn new(rows: &'r Rows) -> Self {
        let mut linked: HashMap<i64, Vec<i64>> = HashMap::new();
        for link in &rows.links {
            if let (Some(flag), Some(activation)) = (link.flag_id, link.activation_id) {
                linked.entry(flag).or_default().push(activation);
            }
        }
        Self { rows: rows.activations.iter().map(|row| (row.id, row)).collect(), linked }
    }

    /// The ramps of a flag, each once.
    pub(crate) fn of(&self, flag: i64) -> Vec<Ramp<'r>> {
        let mut walk =
            Walk { rows: &self.rows, seen: BTreeSet::new(), waiting: Vec::new(), found: Vec::new() };
        walk.waiting.extend(self.linked.get(&flag).into_iter().flatten());
        while let Some(id) = walk.waiting.pop() {
            walk.row(id);
        }
        walk.found
    }
}

struct Walk<'r, 'w> {
    rows: &'w HashMap<i64, &'r ActivationRow>,
    seen: BTreeSet<i64>,
    waiting: Vec<i64>,
    found: Vec<Ramp<'r>>,
}

impl<'r> Walk<'r, '_> {
    fn row(&mut self, id: i64) {
        let Some(row) = self.rows.get(&id).copied().filter(|_| self.seen.insert(id)) else { return };
        let config = row.config.as_deref().unwrap_or_default();
        if row.class_name == RAMP {
            self.found.push(Ramp { row, config: config.to_owned(), pointer: String::new() });
        } else if let Ok(config) = serde_json::from_str(config) {
            self.config(row, &row.class_name, &config, "");
        }
    }

    /// The parser limits the depth.
    fn config(&mut self, row: &'r ActivationRow, class: &str, config: &Value, at: &str) {
        match (class, config) {
            ("novi.and", Value::Array(children)) => self.list(row, children, at),
            ("novi.and", Value::Object(fields)) => match fields.get("activations") {
                Some(Value::Array(children)) => self.list(row, children, &format!("{at}/activations")),
                _ => self.child(row, config, at),
            },
            ("novi.and", child) => self.child(row, child, at),
            ("novi.rules", Value::Object(fields)) => {
                let rules = fields.get("rules").and_then(Value::as_array).into_iter().flatten();
                for (index, rule) in rules.enumerate() {
                    for field in ["when", "then"] {
                        if let Some(child) = rule.get(field) {
                            self.child(row, child, &format!("{at}/rules/{index}/{field}"));
                        }
                    }
                }
                if let Some(child) = config.pointer("/fallthrough/then") {
                    self.child(row, child, &format!("{at}/fallthrough/then"));
                }
            }
            _ => {}
        }
    }

    fn list(&mut self, row: &'r ActivationRow, children: &[Value], at: &str) {
        for (index, child) in children.iter().enumerate() {
            self.child(row, child, &format!("{at}/{index}"));
        }
    }

    /// An activation inside of a config, or the id of one.
    fn child(&mut self, row: &'r ActivationRow, child: &Value, at: &str) {
        if let Some(id) = child.as_i64() {
            self.waiting.push(id);
            return;
        }
        let (Some(class), Some(config)) =
            (child.get("class_name").and_then(Value::as_str), child.get("config"))
        else {
            return;
        };
        let at = format!("{at}/config");
        if class == RAMP {
            self.found.push(Ramp { row, config: config.to_string(), pointer: at });
        } else {
            self.config(row, class, config, &at);
        }
    }
}

#[cfg(test)]
mod tests {
    use novi::rows::LinkRow;

    use super::*;

    const STEPS: &str = r#"{"steps":[{"at":"2026-12-01","percentage":5}]}"#;

    fn rows(activations: &[(&str, String)]) -> Rows {
        let row = |(id, (class, config)): (i64, &(&str, String))| {
            ActivationRow::new(id, "row", *class, config.clone())
        };
        Rows {
            activations: (1..).zip(activations).map(row).collect(),
            links: vec![LinkRow::new(7, 1)],
            ..Rows::default()
        }
    }

    #[test]
    fn ramps_are_found_inside_of_others_and_replaced_there() {
        let inline = format!(r#"{{"class_name":"novi.ramp","config":{STEPS}}}"#);
        for (class, config, row) in [
            ("novi.ramp", STEPS.to_owned(), 1),
            ("novi.and", "[2, 3]".to_owned(), 2),
            ("novi.and", "2".to_owned(), 2),
            ("novi.and", format!("[3,{inline}]"), 1),
            ("novi.and", inline.clone(), 1),
            (
                "novi.and",
                format!(r#"{{"activations":[3,{{"class_name":"novi.and","config":[{inline}]}}]}}"#),
                1,
            ),
            ("novi.rules", format!(r#"{{"rules":[{{"when":3,"then":{inline}}}]}}"#), 1),
            ("novi.rules", r#"{"rules":[{"when":2,"variant":"a"}]}"#.to_owned(), 2),
            ("novi.rules", format!(r#"{{"fallthrough":{{"then":{inline}}},"rules":[]}}"#), 1),
        ] {
            let config_before = config.clone();
            let other = r#"{"attribute": "plan", "exists": true}"#.to_owned();
            let rows = rows(&[(class, config), ("novi.ramp", STEPS.to_owned()), ("novi.attribute", other)]);
            let found = Ramps::new(&rows).of(7);
            assert_eq!(found.len(), 1, "{config_before}");
            assert_eq!((found[0].row.id, found[0].config.as_str()), (row, STEPS), "{config_before}");
            let new = found[0].replaced(STEPS.replace("\":5", "\":9")).config.unwrap();
            let expected = if row == 1 { config_before } else { STEPS.to_owned() }.replace("\":5", "\":9");
            assert_eq!(
                serde_json::from_str::<Value>(&new).unwrap(),
                serde_json::from_str::<Value>(&expected).unwrap()
            );
        }
        // A loop ends, and negations are not ramps.
        let negated = format!("[{inline}]");
        let rows = rows(&[("novi.and", "[1, 2]".to_owned()), ("novi.not", negated)]);
        assert!(Ramps::new(&rows).of(7).is_empty());
    }
}
