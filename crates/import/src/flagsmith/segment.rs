//! Segments: rules of conditions on traits.

use novi_files::Tree;

use super::{IDENTITY_KEY, list, string};
use crate::{
    budget::Budget,
    config::{always, and, attribute, expression, fields, inline, not, number, or, quoted, text},
    options::Options,
};

/// Translates segments.
#[derive(Debug)]
pub(super) struct Segments<'a> {
    options: &'a Options,
    budget: Budget,
    is_divided: bool,
}

impl<'a> Segments<'a> {
    pub(super) fn new(options: &'a Options) -> Self {
        Self { options, budget: Budget::default(), is_divided: false }
    }

    /// Whether callers were divided since the last call.
    pub(super) fn is_divided(&mut self) -> bool {
        std::mem::take(&mut self.is_divided)
    }

    /// Whether a caller is in a segment.
    pub(super) fn condition(&mut self, segment: &Tree) -> Result<Tree, String> {
        self.budget = Budget::default();
        let name = string(segment, "name").unwrap_or_default();
        let id = segment.get("id").unwrap_or(&Tree::Null);
        let id = id.as_str().map_or_else(|| id.to_json(), str::to_owned);
        let rules = list(segment, "rules");
        if rules.is_empty() {
            return Ok(always(false));
        }
        let all: Result<Vec<Tree>, String> = rules.iter().map(|rule| self.rule(rule, &id)).collect();
        all.map(and).map_err(|why| format!("segment {name:?}: {why}"))
    }

    fn rule(&mut self, rule: &Tree, id: &str) -> Result<Tree, String> {
        self.budget.enter()?;
        let conditions = list(rule, "conditions").iter().map(|condition| self.test(condition, id));
        let conditions = conditions.collect::<Result<Vec<_>, _>>()?;
        let rules =
            list(rule, "rules").iter().map(|rule| self.rule(rule, id)).collect::<Result<Vec<_>, _>>()?;
        self.budget.leave();
        let joined = |list: Vec<Tree>| -> Result<Tree, String> {
            if list.is_empty() {
                return Ok(always(true));
            }
            match string(rule, "type") {
                Some("ALL") => Ok(and(list)),
                Some("ANY") => Ok(or(list)),
                Some("NONE") => Ok(not(or(list))),
                other => Err(format!("rules of the type {other:?} have no equivalent")),
            }
        };
        Ok(and([joined(conditions)?, joined(rules)?]))
    }

    fn test(&mut self, condition: &Tree, id: &str) -> Result<Tree, String> {
        let property = string(condition, "property_").or(string(condition, "property")).unwrap_or_default();
        let name = match property {
            "$.identity.identifier" => self.options.by.as_str(),
            "$.identity.key" => IDENTITY_KEY,
            path if path.starts_with("$.") => return Err(format!("the property {path:?} has no equivalent")),
            name => name,
        };
        let value = condition.get("value").unwrap_or(&Tree::Null);
        let value = value.as_str().map_or_else(|| value.to_json(), str::to_owned);
        let operator = string(condition, "operator").unwrap_or_default();
        if operator == "PERCENTAGE_SPLIT" {
            let share: f64 =
                value.trim().parse().map_err(|_| "PERCENTAGE_SPLIT: expected a number".to_owned())?;
            let by = if name.is_empty() { IDENTITY_KEY } else { name };
            self.is_divided |= by == IDENTITY_KEY;
            let config = [
                ("percentage", number(share.clamp(0.0, 100.0))),
                ("hash", text("flagsmith")),
                ("salt", text(id)),
                ("by", text(by)),
            ];
            return Ok(inline("novi.percentage", fields(config)));
        }
        if name.is_empty() {
            return Err("a condition has no property".to_owned());
        }
        compared(name, operator, &value, condition.get("value"))
    }
}

fn compared(name: &str, operator: &str, value: &str, raw: Option<&Tree>) -> Result<Tree, String> {
    if let Some(version) = value.strip_suffix(":semver") {
        return of_version(name, operator, version);
    }
    let limit: Option<f64> = value.trim().parse().ok().filter(|limit: &f64| limit.is_finite());
    let ordered = |sign: &str| {
        // Traits that read as numbers are compared as numbers.
        let variable = format!("context[{}]", quoted(name));
        let is_text = format!("!{variable}.matches('^-?[0-9]+([.][0-9]+)?$')");
        let strings = expression(format!("{is_text} && {variable} {sign} {}", quoted(value)));
        let numbers = limit.map(|limit| expression(format!("double({variable}) {sign} {limit:?}")));
        or([strings].into_iter().chain(numbers))
    };
    let any_string = || attribute(name, "contains", text(""));
    Ok(match operator {
        "EQUAL" => attribute(name, "in", castings(value, limit)),
        "NOT_EQUAL" => attribute(name, "not_in", castings(value, limit)),
        "GREATER_THAN" => ordered(">"),
        "GREATER_THAN_INCLUSIVE" => ordered(">="),
        "LESS_THAN" => ordered("<"),
        "LESS_THAN_INCLUSIVE" => ordered("<="),
        "CONTAINS" => attribute(name, "contains", text(value)),
        "NOT_CONTAINS" => and([any_string(), not(attribute(name, "contains", text(value)))]),
        // At the start of the trait.
        "REGEX" => attribute(name, "regex", text(format!("^(?:{value})"))),
        "IS_SET" => attribute(name, "exists", Tree::Bool(true)),
        "IS_NOT_SET" => attribute(name, "exists", Tree::Bool(false)),
        "IN" => one_of(name, value, raw),
        "MODULO" => {
            let parts = value.split_once('|').and_then(|(divisor, remainder)| {
                Some((
                    divisor.trim().parse::<u32>().ok().filter(|divisor| *divisor > 0)?,
                    remainder.trim().parse::<u32>().ok()?,
                ))
            });
            let (divisor, remainder) = parts
                .ok_or_else(|| format!("MODULO: expected whole numbers such as \"3|0\", found {value:?}"))?;
            let variable = format!("context[{}]", quoted(name));
            // The remainder of a negative number is positive in Flagsmith.
            let met = |value: &str| format!("({value} % {divisor} + {divisor}) % {divisor} == {remainder}");
            let is_number = format!("{variable}.matches('^-?[0-9]+$')");
            // A trait can be a number in a string.
            expression(format!("{} || {is_number} && {}", met(&variable), met(&format!("int({variable})"))))
        }
        _ => return Err(format!("the operator {operator:?} has no equivalent")),
    })
}

/// What a value is for traits of each type.
fn castings(value: &str, limit: Option<f64>) -> Tree {
    let is_true = !matches!(value, "False" | "false");
    let number = limit.map(number);
    Tree::List([text(value), Tree::Bool(is_true)].into_iter().chain(number).collect())
}

/// A string or an integer of a list, which is JSON or separated by commas.
fn one_of(name: &str, value: &str, raw: Option<&Tree>) -> Tree {
    let of_json = |tree: &Tree| -> Option<Vec<String>> {
        let items = tree.as_list()?.iter();
        Some(items.map(|item| item.as_str().map_or_else(|| item.to_json(), str::to_owned)).collect())
    };
    let parsed = || serde_json::from_str::<Tree>(value).ok().as_ref().and_then(of_json);
    let words = raw.and_then(of_json).or_else(parsed);
    let words = words.unwrap_or_else(|| value.split(',').map(str::to_owned).collect());
    let mut values = Vec::new();
    for word in words {
        if let Ok(integer) = word.parse::<i64>()
            && integer.to_string() == word
        {
            values.push(Tree::Number(integer.into()));
        }
        values.push(text(word));
    }
    if values.is_empty() { always(false) } else { attribute(name, "in", Tree::List(values)) }
}

fn of_version(name: &str, operator: &str, version: &str) -> Result<Tree, String> {
    let is = |sign: &str| attribute(name, "semver_strict", text(format!("{sign}{version}")));
    Ok(match operator {
        "EQUAL" => is("="),
        "NOT_EQUAL" => and([attribute(name, "semver_strict", text(">=0.0.0-0")), not(is("="))]),
        "GREATER_THAN" => is(">"),
        "GREATER_THAN_INCLUSIVE" => is(">="),
        "LESS_THAN" => is("<"),
        "LESS_THAN_INCLUSIVE" => is("<="),
        _ => return Err(format!("{operator} of versions has no equivalent")),
    })
}
