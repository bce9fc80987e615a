//! Conditions on attributes.

use chrono::{DateTime, NaiveDate, Utc};
use novi_files::Tree;

use super::{
    condition::{Condition, Kind, Place, Sign, Test},
    reader::{Members, names, text},
};
use crate::config::DEFAULT_KEY;

/// `novi.attribute`: all of its operators.
pub(super) fn condition(config: &Tree) -> Result<Condition, String> {
    let name = text(config, "attribute")?;
    let ignore_case = config.get("ignore_case") == Some(&Tree::Bool(true));
    let mut all = Vec::new();
    for (operator, operand) in config.as_fields().unwrap_or_default() {
        if !matches!(operator.as_str(), "attribute" | "ignore_case") && *operand != Tree::Null {
            all.push(operation(name, operator, operand, ignore_case)?);
        }
    }
    Ok(Condition::all(all))
}

fn operation(name: &str, operator: &str, operand: &Tree, ignore_case: bool) -> Result<Condition, String> {
    let attribute = name.to_owned();
    let test = |test: Test| Ok(Condition::Test(test));
    let order = |sign: Sign| {
        let limit = operand.as_f64().ok_or_else(|| format!("expected a number as `{operator}`"))?;
        test(Test::Order(name.to_owned(), sign, limit))
    };
    let parts = |place: Place| {
        let parts = names(Some(operand));
        if parts.is_empty() {
            return Ok(Condition::Const(false));
        }
        test(Test::Parts { attribute: name.to_owned(), place, parts, ignore_case })
    };
    let cased = |values: &[Tree]| {
        if ignore_case && values.iter().any(|value| value.as_str().is_some()) {
            return Err(format!("`{operator}` with `ignore_case` has no equivalent"));
        }
        Ok(())
    };
    let one = std::slice::from_ref(operand);
    let several = operand.as_list().unwrap_or_default();
    match operator {
        "equals" => cased(one).map(|()| is_in(name, one)),
        "in" => cased(several).map(|()| is_in(name, several)),
        "not_equals" => cased(one).map(|()| not_in(name, one)),
        "not_in" => cased(several).map(|()| not_in(name, several)),
        "contains" => parts(Place::Anywhere),
        "starts_with" => parts(Place::Start),
        "ends_with" => parts(Place::End),
        "less" => order(Sign::Less),
        "less_or_equal" => order(Sign::LessOrEqual),
        "greater" => order(Sign::Greater),
        "greater_or_equal" => order(Sign::GreaterOrEqual),
        "exists" => {
            let exists = Condition::Test(Test::Exists(attribute));
            Ok(if *operand == Tree::Bool(false) { exists.not() } else { exists })
        }
        "semver" | "semver_strict" => {
            versions(name, operand.as_str().unwrap_or_default(), operator == "semver_strict")
        }
        "in_cidr" => test(Test::Network(attribute, names(Some(operand)))),
        "regex" => {
            let pattern = operand.as_str().unwrap_or_default().to_owned();
            test(Test::Regex { attribute, pattern, ignore_case })
        }
        "before" | "after" => {
            let limit = moment(operand.as_str().unwrap_or_default())?;
            test(Test::Moment { attribute, is_after: operator == "after", limit })
        }
        _ => Err(format!("the operator `{operator}` has no equivalent")),
    }
}

fn is_in(name: &str, values: &[Tree]) -> Condition {
    if values.is_empty() {
        return Condition::Const(false);
    }
    Condition::Test(Test::In(name.to_owned(), values.to_vec()))
}

/// Another value, of the type of one of these.
fn not_in(name: &str, values: &[Tree]) -> Condition {
    // Any value that is no object differs from none.
    let has = |is: fn(&Tree) -> bool| values.is_empty() || values.iter().any(is);
    let kinds = [
        (Kind::String, has(|value| value.as_str().is_some())),
        (Kind::Number, has(|value| value.as_f64().is_some())),
        (Kind::Boolean, has(|value| value.as_bool().is_some())),
    ];
    let kinds = kinds.into_iter().filter(|(_, is_there)| *is_there);
    let of_type = Condition::any(kinds.map(|(kind, _)| Condition::Test(Test::Is(name.to_owned(), kind))));
    Condition::all([of_type, is_in(name, values).not()])
}

/// A value that is not an empty string, a list or an object.
pub(super) fn any_value(name: &str) -> Condition {
    let exists = Condition::Test(Test::Exists(name.to_owned()));
    Condition::all([exists, is_in(name, &[Tree::String(String::new())]).not()])
}

/// A value that is written so: as a string, or as a number or a boolean.
pub(super) fn named_value(name: &str, value: &str) -> Condition {
    let mut values = vec![Tree::String(value.to_owned())];
    match Tree::from_json(value) {
        Some(Tree::Number(number)) => values.push(Tree::Number(number)),
        Some(Tree::Bool(value)) => values.push(Tree::Bool(value)),
        _ => (),
    }
    is_in(name, &values)
}

/// Integers from here on are rounded where all numbers are floats.
const EXACT: u64 = 1 << 53;

/// `novi.members`, with the members of the table.
pub(super) fn members(config: &Tree, (allowed, denied): Members<'_>) -> Result<Condition, String> {
    let mut by = names(config.get("by"));
    if by.is_empty() {
        by.push(DEFAULT_KEY.to_owned());
    }
    let [name] = by.as_slice() else {
        return Err("members by several attributes have no equivalent".to_owned());
    };
    let mut is_exact = true;
    let mut list = |field: &str, rows: Option<&[String]>| {
        let own = config.get(field).and_then(Tree::as_list);
        let mut values: Vec<Tree> = Vec::new();
        let mut add = |text: &str| {
            values.push(Tree::String(text.to_owned()));
            // Whole numbers are the same members as their digits.
            if name != DEFAULT_KEY
                && let Ok(number) = text.parse::<i64>()
                && number.unsigned_abs() < EXACT
                && number.to_string() == text
            {
                values.push(Tree::Number(number.into()));
            }
        };
        for value in own.unwrap_or_default() {
            match value {
                Tree::String(text) => add(text),
                Tree::Number(number) if number.as_i64().is_some_and(|id| id.unsigned_abs() < EXACT) => {
                    add(&number.to_string());
                }
                _ => is_exact = false,
            }
        }
        rows.unwrap_or_default().iter().for_each(|text| add(text));
        (own.is_some() || rows.is_some_and(|rows| !rows.is_empty())).then_some(values)
    };
    let (allow, deny) = (list("allow", allowed), list("deny", denied));
    if !is_exact {
        return Err("members that are numbers of more than 15 digits have no equivalent".to_owned());
    }
    if allow.is_none() && deny.is_none() {
        return Ok(Condition::Const(false));
    }
    let allow = allow.map_or(Condition::Const(true), |values| is_in(name, &values));
    Ok(Condition::all([allow, is_in(name, &deny.unwrap_or_default()).not()]))
}

fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    let date = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0);
    let moment = DateTime::parse_from_rfc3339(text).map(|time| time.to_utc()).ok();
    moment
        .or_else(|| date().map(|date| date.and_utc()))
        .ok_or_else(|| format!("expected a time, found {text:?}"))
}

/// A range of versions: comparisons, separated by commas.
fn versions(name: &str, range: &str, is_strict: bool) -> Result<Condition, String> {
    let mut all = Vec::new();
    for comparison in range.split(',') {
        let comparison = comparison.trim();
        let digits = comparison.find(|letter: char| !"=<>~^ ".contains(letter)).unwrap_or(comparison.len());
        let (operator, version) = comparison.split_at(digits);
        let (core, rest) = version.find(['-', '+']).map_or((version, ""), |end| version.split_at(end));
        let parts: Option<Vec<u64>> =
            core.trim_start_matches(['v', '=']).split('.').map(|part| part.parse().ok()).collect();
        let unknown = || format!("the range of versions {range:?} has no equivalent");
        let parts = parts.filter(|parts| parts.len() <= 3).ok_or_else(unknown)?;
        let part = |index: usize| parts.get(index).copied().unwrap_or_default();
        let (major, minor, patch) = (part(0), part(1), part(2));
        let rest = rest.split('+').next().unwrap_or_default();
        let version = format!("{major}.{minor}.{patch}{rest}");
        let mut add = |sign: Sign, version: String| {
            all.push(Condition::Test(Test::Version { attribute: name.to_owned(), sign, version, is_strict }));
        };
        match operator.trim() {
            "" | "=" => add(Sign::Equal, version),
            "<" => add(Sign::Less, version),
            "<=" => add(Sign::LessOrEqual, version),
            ">" => add(Sign::Greater, version),
            ">=" => add(Sign::GreaterOrEqual, version),
            "~" | "^" => {
                // Up to the next change of a part, without its pre-releases.
                let changed = match (operator.trim(), major, minor) {
                    ("~", ..) => usize::from(parts.len() > 1),
                    (_, 0, 0) if parts.len() > 2 => 2,
                    (_, 0, _) if parts.len() > 1 => 1,
                    _ => 0,
                };
                add(Sign::GreaterOrEqual, version);
                let next = |index: usize| match index.cmp(&changed) {
                    std::cmp::Ordering::Less => part(index),
                    std::cmp::Ordering::Equal => part(index).saturating_add(1),
                    std::cmp::Ordering::Greater => 0,
                };
                add(Sign::Less, format!("{}.{}.{}-0", next(0), next(1), next(2)));
            }
            _ => return Err(unknown()),
        }
    }
    Ok(Condition::all(all))
}
