//! The gates of a feature, one of which has to be open.

use novi_files::{Flag, Tree};

use super::expression::Expressions;
use crate::{
    collector::{Collector, Draft},
    config::{always, attribute, fields, inline, number, or, text, texts},
    members::Members,
    options::Options,
};

/// The attribute with the names of a caller's groups, which are code of the program in Flipper.
const GROUPS: &str = "flipper_groups";

/// The gates of a feature.
#[derive(Debug, Default)]
pub(super) struct Gates {
    is_on: bool,
    actors: Vec<String>,
    groups: Vec<String>,
    percentage_of_actors: f64,
    percentage_of_time: f64,
    expression: Option<Tree>,
}

impl Gates {
    /// The gates of a feature in an export.
    pub(super) fn of_export(source: &Tree) -> Result<Self, String> {
        let mut gates = Self::default();
        for (key, value) in source.as_fields().ok_or("expected an object with the gates of the feature")? {
            match value {
                Tree::Null => (),
                Tree::List(items) => {
                    for item in items {
                        gates.add(key, item.as_str().ok_or_else(|| format!("{key}: expected strings"))?)?;
                    }
                }
                Tree::Fields(fields) if key == "expression" => {
                    gates.expression = (!fields.is_empty()).then(|| value.clone());
                }
                Tree::String(text) => gates.add(key, text)?,
                other => gates.add(key, &other.to_json())?,
            }
        }
        Ok(gates)
    }

    /// Adds what a row of the table of gates says.
    pub(super) fn add(&mut self, key: &str, value: &str) -> Result<(), String> {
        let share = || -> Result<f64, String> {
            let found: f64 =
                value.trim().parse().map_err(|_| format!("{key}: expected a percentage, found {value:?}"))?;
            Ok(found.clamp(0.0, 100.0))
        };
        match key {
            "boolean" => self.is_on |= matches!(value, "true" | "1"),
            "actors" => self.actors.push(value.to_owned()),
            "groups" => self.groups.push(value.to_owned()),
            "percentage_of_actors" => self.percentage_of_actors = share()?,
            "percentage_of_time" => self.percentage_of_time = share()?,
            "expression" => {
                let tree = serde_json::from_str(value).map_err(|error| format!("expression: {error}"))?;
                self.expression = (tree != Tree::Fields(Vec::new()) && tree != Tree::Null).then_some(tree);
            }
            _ => return Err(format!("Flipper's gate {key:?} is unknown")),
        }
        Ok(())
    }

    pub(super) fn draft(
        mut self,
        name: &str,
        names: &[&str],
        options: &Options,
        collector: &mut Collector,
    ) -> Result<Draft, String> {
        let mut draft = Draft { flag: Flag { status: Some(true), ..Flag::default() }, ..Draft::default() };
        if self.is_on || self.percentage_of_time >= 100.0 {
            return Ok(draft);
        }
        let mut gates = Vec::new();
        if let Some(expression) = &self.expression {
            let mut expressions = Expressions::new(name, names, options);
            match expressions.condition(expression) {
                Ok(condition) => {
                    draft.differences.append(&mut expressions.differences);
                    gates.push(condition);
                }
                Err(why) if self.has_only_an_expression() => return Err(format!("expression: {why}")),
                Err(why) => draft.differences.push(format!("the gate `expression` is closed: {why}")),
            }
        }
        if !self.groups.is_empty() {
            let groups = self.groups.join(", ");
            draft.differences.push(format!(
                "groups are code of the program: callers are in {groups} if their attribute `{GROUPS}` says so"
            ));
            gates.push(attribute(GROUPS, "in", texts(std::mem::take(&mut self.groups))));
        }
        if self.percentage_of_actors > 0.0 {
            gates.push(percentage(self.percentage_of_actors, name, name, &options.by));
        }
        if self.percentage_of_time > 0.0 {
            let share = self.percentage_of_time;
            if gates.is_empty() && self.actors.is_empty() {
                return Err(format!(
                    "percentage_of_time: {share} % of all evaluations, at random, has no equivalent"
                ));
            }
            draft.differences.push(format!("the gate `percentage_of_time` ({share} %, at random) is closed"));
        }
        let actors = Members { what: "actors", callers: self.actors, by: &options.by };
        actors.or(or(gates), "gates", name, collector, &mut draft.flag);
        Ok(draft)
    }

    fn has_only_an_expression(&self) -> bool {
        self.actors.is_empty()
            && self.groups.is_empty()
            && self.percentage_of_actors <= 0.0
            && self.percentage_of_time <= 0.0
    }
}

/// Callers by a hash of the feature's name and an attribute.
pub(super) fn percentage(share: f64, salt: &str, flag: &str, by: &str) -> Tree {
    if share <= 0.0 {
        return always(false);
    }
    let mut config = vec![("percentage", number(share)), ("hash", text("flipper"))];
    if salt != flag {
        config.push(("salt", text(salt)));
    }
    if by != Options::default().by {
        config.push(("by", text(by)));
    }
    inline("novi.percentage", fields(config))
}
