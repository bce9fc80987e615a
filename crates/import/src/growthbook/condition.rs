//! Conditions on attributes, in the syntax of MongoDB.

use std::collections::BTreeSet;

use novi_files::Tree;

use super::{Source, attribute_name};
use crate::{
    budget::Budget,
    config::{always, and, attribute, expression, fields, inline, not, number, or, quoted, text},
    javascript::{Sign, is_falsy, is_truthy, order, variable},
};

/// Translates conditions.
#[derive(Debug)]
pub(super) struct Conditions<'a> {
    source: &'a Source<'a>,
    budget: Budget,
    /// Saved groups that are being translated.
    groups: BTreeSet<String>,
}

impl<'a> Conditions<'a> {
    pub(super) fn new(source: &'a Source<'a>) -> Self {
        Self { source, budget: Budget::default(), groups: BTreeSet::new() }
    }

    pub(super) fn condition(&mut self, source: &Tree) -> Result<Tree, String> {
        let parts = source.as_fields().ok_or("expected a condition as an object")?;
        self.budget.enter()?;
        let all: Result<Vec<Tree>, String> =
            parts.iter().map(|(key, operand)| self.part(key, operand)).collect();
        self.budget.leave();
        all.map(and)
    }

    fn part(&mut self, key: &str, operand: &Tree) -> Result<Tree, String> {
        let list = || operand.as_list().ok_or_else(|| format!("{key}: expected a list of conditions"));
        match key {
            "$or" => self.any(list()?),
            "$nor" => self.any(list()?).map(not),
            "$and" => list()?.iter().map(|one| self.condition(one)).collect::<Result<Vec<_>, _>>().map(and),
            "$not" => self.condition(operand).map(not),
            "$savedGroup" => self.saved_group(operand),
            path => {
                let name = attribute_name(path, self.source.options).to_owned();
                self.value(&name, operand)
            }
        }
    }

    /// One of several conditions, or none at all.
    fn any(&mut self, list: &[Tree]) -> Result<Tree, String> {
        if list.is_empty() {
            return Ok(always(true));
        }
        list.iter().map(|one| self.condition(one)).collect::<Result<Vec<_>, _>>().map(or)
    }

    fn saved_group(&mut self, reference: &Tree) -> Result<Tree, String> {
        let id = reference.get("id").and_then(Tree::as_str).ok_or("$savedGroup: expected an id")?;
        let Some(group) = self.source.saved_groups.and_then(|groups| groups.get(id)) else {
            return Ok(always(false));
        };
        match group.get("type").and_then(Tree::as_str) {
            Some("list") => {
                let key = reference.get("attributeKey").or(group.get("attributeKey")).and_then(Tree::as_str);
                let Some(key) = key else { return Ok(always(false)) };
                let name = attribute_name(key, self.source.options);
                one_of(name, group.get("values").unwrap_or(&Tree::Null), false)
            }
            Some("condition") => {
                if !self.groups.insert(id.to_owned()) {
                    return Ok(always(false));
                }
                let found = self.condition(group.get("condition").unwrap_or(&Tree::Null));
                self.groups.remove(id);
                found
            }
            _ => Ok(always(false)),
        }
    }

    /// A condition on the value of an attribute.
    fn value(&mut self, name: &str, expected: &Tree) -> Result<Tree, String> {
        match expected {
            Tree::String(expected) => Ok(as_text(name, expected)),
            Tree::Number(expected) => Ok(as_number(name, expected.as_f64().unwrap_or_default())),
            Tree::Bool(true) => Ok(is_truthy(name)),
            Tree::Bool(false) => Ok(is_falsy(name)),
            Tree::Null => Ok(attribute(name, "exists", Tree::Bool(false))),
            Tree::List(_) => Err("the equality of lists has no equivalent".to_owned()),
            Tree::Fields(operators) => {
                if operators.is_empty() || !operators.iter().all(|(key, _)| key.starts_with('$')) {
                    return Err("the equality of objects has no equivalent".to_owned());
                }
                let all: Result<Vec<Tree>, String> = operators
                    .iter()
                    .map(|(operator, operand)| self.operator(name, operator, operand))
                    .collect();
                all.map(and)
            }
        }
    }

    fn operator(&mut self, name: &str, operator: &str, operand: &Tree) -> Result<Tree, String> {
        let missing = || attribute(name, "exists", Tree::Bool(false));
        match operator {
            "$eq" => equal(name, operand),
            "$ne" => equal(name, operand).map(not),
            "$lt" => order(name, Sign::Less, operand),
            "$lte" => order(name, Sign::LessOrEqual, operand),
            "$gt" => order(name, Sign::Greater, operand),
            "$gte" => order(name, Sign::GreaterOrEqual, operand),
            "$exists" if *operand == Tree::Bool(false) => Ok(missing()),
            "$exists" => Ok(attribute(name, "exists", Tree::Bool(true))),
            "$in" => one_of(name, operand, false),
            "$nin" => one_of(name, operand, false).map(not),
            "$ini" => one_of(name, operand, true),
            "$nini" => one_of(name, operand, true).map(not),
            "$inGroup" => self.in_group(name, operand),
            "$notInGroup" => self.in_group(name, operand).map(not),
            "$not" => self.value(name, operand).map(not),
            "$regex" => Ok(attribute(name, "regex", pattern(operand)?)),
            "$regexi" => {
                let config = [
                    ("attribute", text(name)),
                    ("regex", pattern(operand)?),
                    ("ignore_case", Tree::Bool(true)),
                ];
                Ok(inline("novi.attribute", fields(config)))
            }
            "$all" => {
                let list = operand.as_list().ok_or("$all: expected a list")?;
                let one = |item: &Tree| match item {
                    Tree::String(item) => Ok(expression(format!("{} in {}", quoted(item), variable(name)))),
                    _ => Err("$all of other values than strings has no equivalent".to_owned()),
                };
                list.iter().map(one).collect::<Result<Vec<_>, _>>().map(and)
            }
            "$veq" => version(name, "", operand),
            "$vne" => version(name, "", operand).map(not),
            "$vgt" => version(name, ">", operand),
            "$vgte" => version(name, ">=", operand),
            // A missing version is 0.
            "$vlt" => Ok(or([version(name, "<", operand)?, missing()])),
            "$vlte" => Ok(or([version(name, "<=", operand)?, missing()])),
            _ => Err(format!("the operator {operator} has no equivalent")),
        }
    }

    fn in_group(&self, name: &str, id: &Tree) -> Result<Tree, String> {
        let group = id.as_str().and_then(|id| self.source.saved_groups?.get(id));
        match group {
            None => Ok(always(false)),
            Some(group @ Tree::List(_)) => one_of(name, group, false),
            Some(group) if group.get("type").and_then(Tree::as_str) == Some("list") => {
                one_of(name, group.get("values").unwrap_or(&Tree::Null), false)
            }
            Some(_) => Err("$inGroup of a group that is no list has no equivalent".to_owned()),
        }
    }
}

fn equal(name: &str, value: &Tree) -> Result<Tree, String> {
    match value {
        Tree::Null => Ok(attribute(name, "exists", Tree::Bool(false))),
        Tree::String(_) | Tree::Number(_) | Tree::Bool(_) => Ok(attribute(name, "equals", value.clone())),
        _ => Err("the equality of lists and objects has no equivalent".to_owned()),
    }
}

/// A value whose text is a string.
fn as_text(name: &str, expected: &str) -> Tree {
    let mut values = vec![text(expected)];
    match serde_json::from_str(expected) {
        Ok(Tree::Number(found)) if number(found.as_f64().unwrap_or_default()).to_json() == expected => {
            values.push(Tree::Number(found));
        }
        Ok(Tree::Bool(found)) => values.push(Tree::Bool(found)),
        _ => (),
    }
    if values.len() == 1 {
        return attribute(name, "equals", text(expected));
    }
    attribute(name, "in", Tree::List(values))
}

/// A value that converts to a number.
fn as_number(name: &str, expected: f64) -> Tree {
    let mut values = vec![number(expected), text(number(expected).to_json())];
    if expected == 0.0 {
        values.extend([Tree::Bool(false), text("")]);
        let missing = attribute(name, "exists", Tree::Bool(false));
        return or([attribute(name, "in", Tree::List(values)), missing]);
    }
    if number(expected) == number(1.0) {
        values.push(Tree::Bool(true));
    }
    attribute(name, "in", Tree::List(values))
}

/// A value of a list.
fn one_of(name: &str, list: &Tree, ignores_case: bool) -> Result<Tree, String> {
    let list = list.as_list().ok_or("expected a list of values")?;
    let (scalars, others): (Vec<Tree>, Vec<Tree>) = list
        .iter()
        .cloned()
        .partition(|value| matches!(value, Tree::String(_) | Tree::Number(_) | Tree::Bool(_)));
    let mut any = Vec::new();
    if others.contains(&Tree::Null) {
        any.push(attribute(name, "exists", Tree::Bool(false)));
    }
    if !scalars.is_empty() {
        let mut config = vec![("attribute", text(name)), ("in", Tree::List(scalars))];
        if ignores_case {
            config.push(("ignore_case", Tree::Bool(true)));
        }
        any.push(inline("novi.attribute", fields(config)));
    }
    Ok(or(any))
}

fn pattern(operand: &Tree) -> Result<Tree, String> {
    operand.as_str().map(text).ok_or_else(|| "expected a regular expression".to_owned())
}

fn version(name: &str, sign: &str, operand: &Tree) -> Result<Tree, String> {
    let version = match operand {
        Tree::String(version) => version.clone(),
        Tree::Number(version) => version.to_string(),
        _ => return Err("expected a version".to_owned()),
    };
    Ok(attribute(name, "growthbook_version", text(format!("{sign}{version}"))))
}
