//! Rules as conditions: what JSONLogic takes for true.

use chrono::DateTime;
use novi_files::Tree;

use super::targeting::{Targeting, list, operation};
use crate::{
    config::{Given, always, and, attribute, expression, fields, inline, not, or, quoted, rules, text},
    javascript::{Comparison, Sign, equality, order, variable},
};

/// The time of the evaluation, in whole seconds.
const TIMESTAMP: &str = "$flagd.timestamp";

/// Whether the result of an operation is true or false.
pub(super) fn is_condition(operation: &str) -> bool {
    matches!(operation, "!" | "!!" | "in") || Comparison::of(operation).is_some()
}

/// The attribute of `var`.
pub(super) fn attribute_name(arguments: &Tree) -> Result<&str, String> {
    let name = match list(arguments) {
        [Tree::String(name)] | [Tree::String(name), Tree::Null] => name.as_str(),
        [_, _] => return Err("`var` with a default has no equivalent".to_owned()),
        _ => return Err("expected an attribute as `{\"var\": \"name\"}`".to_owned()),
    };
    if name.is_empty() || name.starts_with("$flagd.") {
        return Err(format!("the variable {name:?} has no equivalent here"));
    }
    if name.split('.').any(|part| part.is_empty() || part.chars().all(|letter| letter.is_ascii_digit())) {
        return Err(format!("the path {name:?} is one through a list"));
    }
    Ok(name)
}

impl Targeting<'_> {
    /// Whether a rule is what JSONLogic takes for true.
    pub(super) fn condition(&mut self, rule: &Tree) -> Result<Tree, String> {
        match rule {
            Tree::Null => Ok(always(false)),
            Tree::Bool(value) => Ok(always(*value)),
            Tree::Number(number) => Ok(always(number.as_f64() != Some(0.0))),
            Tree::String(text) => Ok(always(!text.is_empty())),
            Tree::List(items) => Ok(always(!items.is_empty())),
            Tree::Fields(_) => self.nested(|targeting| {
                let (operation, arguments) = operation(rule)?;
                targeting.test(operation, list(arguments), arguments)
            }),
        }
    }

    fn test(&mut self, operation: &str, arguments: &[Tree], whole: &Tree) -> Result<Tree, String> {
        match (operation, arguments) {
            ("var", _) => attribute_name(whole).map(truthy),
            ("and" | "or", []) => Err(format!("`{operation}` without conditions")),
            ("and", _) => Ok(and(self.conditions(arguments)?)),
            ("or", _) => Ok(or(self.conditions(arguments)?)),
            ("!", [rule]) => Ok(not(self.condition(rule)?)),
            ("!!", [rule]) => self.condition(rule),
            ("if" | "?:", _) => self.chain_of_conditions(arguments),
            ("in", [needle, haystack]) => contained(needle, haystack),
            ("starts_with" | "ends_with", [value, part]) => {
                let name = attribute_of(value)?;
                let part = part.as_str().ok_or_else(|| format!("`{operation}` of what is no string"))?;
                Ok(attribute(name, operation, text(part)))
            }
            ("sem_ver", [value, operator, limit]) => version(value, operator, limit),
            ("$ref", _) => {
                let rule = self.evaluator(whole)?;
                self.condition(rule)
            }
            ("==" | "===", [drawn, wanted])
                if drawn.get("fractional").is_some() && wanted.as_str().is_some() =>
            {
                let fractional = drawn.get("fractional").unwrap_or(&Tree::Null);
                self.nested(|targeting| targeting.is_drawn(list(fractional), wanted))
            }
            _ => match Comparison::of(operation) {
                Some(comparison) => compared(comparison, arguments),
                None => Err(format!("the operation `{operation}` has no equivalent in a condition")),
            },
        }
    }

    fn conditions(&mut self, list: &[Tree]) -> Result<Vec<Tree>, String> {
        list.iter().map(|rule| self.condition(rule)).collect()
    }

    /// `if` as a condition.
    fn chain_of_conditions(&mut self, arguments: &[Tree]) -> Result<Tree, String> {
        let mut list = Vec::new();
        let mut fallthrough = Given::Off;
        for pair in arguments.chunks(2) {
            match pair {
                [when, then] => {
                    list.push((self.condition(when)?, Given::Then(self.condition(then)?)));
                }
                [otherwise] => fallthrough = Given::Then(self.condition(otherwise)?),
                _ => (),
            }
        }
        Ok(rules(list, fallthrough).activation())
    }
}

/// An attribute that JSONLogic takes for true: an empty list is none, where it is one for JavaScript. `in` of an activation
/// would compare the values of a list one by one.
fn truthy(name: &str) -> Tree {
    expression(format!("!({} in [null, false, 0, \"\", []])", variable(name)))
}

/// `sem_ver`: versions may begin with v, and lack parts.
fn version(value: &Tree, operator: &Tree, version: &Tree) -> Result<Tree, String> {
    let name = attribute_of(value)?;
    let version = match version {
        Tree::String(version) => version.clone(),
        Tree::Number(number) => number.to_string(),
        _ => return Err("`sem_ver` with what is no version".to_owned()),
    };
    let version = version.strip_prefix(['v', 'V']).unwrap_or(&version);
    let operator = operator.as_str().unwrap_or_default();
    let mut parts = version.split(['.', '-', '+']).map(str::parse::<u32>);
    let mut part = || parts.next().and_then(Result::ok).unwrap_or_default();
    let (major, minor) = (part(), part());
    let is = |range: String| Ok(attribute(name, "semver", text(range)));
    match operator {
        "=" | "<" | ">" | "<=" | ">=" => is(format!("{operator}{version}")),
        "!=" => {
            let is_version = attribute(name, "semver", text(">=0.0.0-0"));
            Ok(and([is_version, not(attribute(name, "semver", text(format!("={version}"))))]))
        }
        "^" => is(format!(">={major}.0.0-0, <{}.0.0-0", u64::from(major) + 1)),
        "~" => is(format!(">={major}.{minor}.0-0, <{major}.{}.0-0", u64::from(minor) + 1)),
        _ => Err(format!("`sem_ver` has no operator {operator:?}")),
    }
}

/// The attribute that an operation is about.
fn attribute_of(value: &Tree) -> Result<&str, String> {
    match value.as_fields() {
        Some([(operation, name)]) if operation == "var" => attribute_name(name),
        _ => Err("only attributes of the caller can be compared, with constants".to_owned()),
    }
}

/// `in`: in a list, or part of a string.
fn contained(needle: &Tree, haystack: &Tree) -> Result<Tree, String> {
    match haystack {
        Tree::List(items) => {
            let name = attribute_of(needle)?;
            let is_scalar = |item: &Tree| matches!(item, Tree::String(_) | Tree::Number(_) | Tree::Bool(_));
            if !items.iter().all(is_scalar) {
                return Err("`in` with a list of other values than strings, numbers and booleans".to_owned());
            }
            Ok(if items.is_empty() { always(false) } else { attribute(name, "in", haystack.clone()) })
        }
        Tree::String(whole) => {
            Ok(expression(format!("{}.contains({})", quoted(whole), variable(attribute_of(needle)?))))
        }
        _ => {
            let variable = variable(attribute_of(haystack)?);
            match needle {
                Tree::String(part) => {
                    let part = quoted(part);
                    Ok(expression(format!("{variable}.contains({part}) || {part} in {variable}")))
                }
                Tree::Number(_) | Tree::Bool(_) => {
                    Ok(expression(format!("{} in {variable}", needle.to_json())))
                }
                _ => Err("`in` of what is no constant".to_owned()),
            }
        }
    }
}

/// A comparison of an attribute with a constant, on either side, or between two constants.
fn compared(comparison: Comparison, arguments: &[Tree]) -> Result<Tree, String> {
    let is_variable = |value: &Tree| value.as_fields().is_some();
    match (comparison, arguments) {
        (Comparison::Equal { .. } | Comparison::NotEqual { .. }, [left, right]) => {
            let (value, constant) = if is_variable(left) { (left, right) } else { (right, left) };
            let (is_strict, is_negated) = match comparison {
                Comparison::NotEqual { is_strict } => (is_strict, true),
                Comparison::Equal { is_strict } => (is_strict, false),
                Comparison::Order(_) => (false, false),
            };
            let equal = equality(attribute_of(value)?, constant, is_strict)?;
            Ok(if is_negated { not(equal) } else { equal })
        }
        (Comparison::Order(sign), [left, right]) if is_variable(left) => ordered(left, sign, right),
        (Comparison::Order(sign), [left, right]) => ordered(right, sign.mirrored(), left),
        // Between two limits.
        (Comparison::Order(sign), [low, value, high]) => {
            Ok(and([ordered(value, sign.mirrored(), low)?, ordered(value, sign, high)?]))
        }
        _ => Err("a comparison takes two values, or three in order".to_owned()),
    }
}

/// An attribute, or the time, in an order with a constant.
fn ordered(value: &Tree, sign: Sign, constant: &Tree) -> Result<Tree, String> {
    match value.as_fields() {
        Some([(operation, name)]) if operation == "var" && name.as_str() == Some(TIMESTAMP) => {
            time(sign, constant)
        }
        _ => order(attribute_of(value)?, sign, constant),
    }
}

/// The time before or after an instant.
fn time(sign: Sign, constant: &Tree) -> Result<Tree, String> {
    let expected = || "$flagd.timestamp: expected a number of seconds".to_owned();
    let Tree::Number(seconds) = constant else { return Err(expected()) };
    let seconds = seconds.as_i64().ok_or_else(expected)?;
    // The time is rounded down to seconds.
    let limit =
        if matches!(sign, Sign::Greater | Sign::LessOrEqual) { seconds.saturating_add(1) } else { seconds };
    let instant = DateTime::from_timestamp(limit, 0).ok_or_else(expected)?;
    let field = match sign {
        Sign::Greater | Sign::GreaterOrEqual => "startDateTime",
        Sign::Less | Sign::LessOrEqual => "endDateTime",
    };
    let instant = text(instant.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
    Ok(inline("novi.date_time", fields([(field, instant)])))
}
