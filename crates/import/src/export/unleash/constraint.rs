//! Conditions as constraints.

use std::collections::BTreeSet;

use chrono::{DateTime, SecondsFormat, Utc};
use novi_files::Tree;

use super::attribute;
use crate::{
    config::{fields, number, text, texts},
    export::condition::{Place, Sign, Test},
};

/// The attribute of the time of the evaluation.
const CURRENT_TIME: &str = "currentTime";

/// The constraint of a condition; `None` if all callers are taken to meet it, and an error if it has none.
pub(super) fn constraint(
    test: &Test,
    is_inverted: bool,
    differences: &mut BTreeSet<String>,
) -> Result<Option<Tree>, String> {
    let strings = |values: &[String]| {
        if values.iter().any(|value| value.is_empty() || value.trim() != value) {
            return Err("Unleash trims values, and ignores empty ones".to_owned());
        }
        Ok(("values", texts(values.to_vec())))
    };
    let made = |name: &str, operator: &str, operand: (&'static str, Tree), ignore_case: bool| {
        let values = if operand.0 == "values" { operand.1.clone() } else { Tree::List(Vec::new()) };
        let mut constraint = vec![
            ("contextName", text(attribute(name))),
            ("operator", text(operator)),
            ("values", values),
            ("inverted", Tree::Bool(is_inverted)),
            ("caseInsensitive", Tree::Bool(ignore_case)),
        ];
        if operand.0 == "value" {
            constraint.push(operand);
        }
        Ok(Some(fields(constraint)))
    };
    match test {
        Test::In(name, values) => {
            let (strings_of, are_strings) = as_strings(values);
            if !are_strings {
                differences.insert("numbers and booleans are strings in Unleash".to_owned());
            }
            made(name, "IN", strings(&strings_of)?, false)
        }
        Test::Exists(_) => Err("Unleash cannot say whether a caller has an attribute".to_owned()),
        Test::Is(name, _) if !is_inverted => {
            differences
                .insert(format!("in Unleash, callers without `{}` have another value", attribute(name)));
            Ok(None)
        }
        Test::Is(..) => Err("Unleash does not distinguish the types of attributes".to_owned()),
        Test::Parts { attribute: name, place, parts, ignore_case } => {
            let operator = match place {
                Place::Anywhere => "STR_CONTAINS",
                Place::Start => "STR_STARTS_WITH",
                Place::End => "STR_ENDS_WITH",
            };
            made(name, operator, strings(parts)?, *ignore_case)
        }
        Test::Order(name, sign, limit) => {
            differences.insert("Unleash converts strings to numbers".to_owned());
            let value = ("value", text(number(*limit).to_json()));
            made(name, &format!("NUM_{}", sign_of(*sign)), value, false)
        }
        Test::Version { attribute: name, sign, version, is_strict } => {
            if !is_strict {
                differences.insert("Unleash compares complete versions without `v` only".to_owned());
            }
            made(name, &format!("SEMVER_{}", sign_of(*sign)), ("value", text(version)), false)
        }
        Test::Network(name, networks) => made(name, "IN_CIDR", strings(networks)?, false),
        Test::Regex { attribute: name, pattern, ignore_case } => {
            made(name, "REGEX", ("value", text(pattern)), *ignore_case)
        }
        Test::Moment { .. } => Err("Unleash compares times only with the current one".to_owned()),
        Test::Clock(..) | Test::Share(_) => Err("expected a condition on an attribute".to_owned()),
    }
}

/// The time of the evaluation is not before an instant, or before it.
pub(super) fn time(limit: DateTime<Utc>, is_after: bool) -> Result<Tree, String> {
    if !limit.timestamp_subsec_nanos().is_multiple_of(1_000_000) {
        return Err("Unleash's times are whole milliseconds".to_owned());
    }
    // The limit itself is after it, which it is not for `DATE_AFTER`.
    Ok(fields([
        ("contextName", text(CURRENT_TIME)),
        ("operator", text("DATE_BEFORE")),
        ("values", Tree::List(Vec::new())),
        ("value", text(limit.to_rfc3339_opts(SecondsFormat::Millis, true))),
        ("inverted", Tree::Bool(is_after)),
        ("caseInsensitive", Tree::Bool(false)),
    ]))
}

/// Values as strings, and whether all of them were, or have a string with their digits next to them.
fn as_strings(values: &[Tree]) -> (Vec<String>, bool) {
    let mut strings: Vec<String> = values.iter().filter_map(Tree::as_str).map(str::to_owned).collect();
    let mut are_strings = true;
    for value in values.iter().filter(|value| value.as_str().is_none()) {
        let text = value.to_json();
        if !strings.contains(&text) {
            are_strings = false;
            strings.push(text);
        }
    }
    (strings, are_strings)
}

fn sign_of(sign: Sign) -> &'static str {
    match sign {
        Sign::Equal => "EQ",
        Sign::Less => "LT",
        Sign::LessOrEqual => "LTE",
        Sign::Greater => "GT",
        Sign::GreaterOrEqual => "GTE",
    }
}
