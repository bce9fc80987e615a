//! Clauses: an attribute, an operator, and values of which one has to match.

use chrono::{DateTime, SecondsFormat, Utc};
use novi_files::Tree;

use super::{attribute_name, list};
use crate::{
    config::{always, and, attribute, not, number, or, text, texts},
    options::Options,
    read::string,
};

pub(super) fn is_negated(clause: &Tree) -> bool {
    clause.get("negate") == Some(&Tree::Bool(true))
}

/// Whether a clause on an attribute matches. One that is missing never does, not even negated.
pub(super) fn condition(clause: &Tree, options: &Options) -> Result<Tree, String> {
    let name = string(clause, "attribute").unwrap_or_default();
    let name = attribute_name(string(clause, "contextKind"), name, options)?;
    let values = list(clause, "values");
    let words: Vec<&str> = values.iter().filter_map(Tree::as_str).collect();
    let with_words = |operator: &str| {
        if words.is_empty() {
            always(false)
        } else {
            attribute(&name, operator, texts(words.iter().copied()))
        }
    };
    let numbers = |operator: &str| {
        let one = |value: &Tree| attribute(&name, operator, value.clone());
        or(values.iter().filter(|value| value.as_f64().is_some()).map(one))
    };
    let operator = string(clause, "op").unwrap_or_default();
    let met = match operator {
        "in" => equal(&name, values)?,
        "endsWith" => with_words("ends_with"),
        "startsWith" => with_words("starts_with"),
        "contains" => with_words("contains"),
        "matches" => or(words.iter().map(|pattern| attribute(&name, "regex", text(*pattern)))),
        "lessThan" => numbers("less"),
        "lessThanOrEqual" => numbers("less_or_equal"),
        "greaterThan" => numbers("greater"),
        "greaterThanOrEqual" => numbers("greater_or_equal"),
        "before" => or(values.iter().filter_map(|value| time(&name, "before", value))),
        "after" => or(values.iter().filter_map(|value| time(&name, "after", value))),
        "semVerEqual" => versions(&name, "=", &words),
        "semVerLessThan" => versions(&name, "<", &words),
        "semVerGreaterThan" => versions(&name, ">", &words),
        // An unknown operator never matches.
        _ => return Err(format!("the operator {operator:?} has no equivalent")),
    };
    Ok(if is_negated(clause) { and([attribute(&name, "exists", Tree::Bool(true)), not(met)]) } else { met })
}

fn equal(name: &str, values: &[Tree]) -> Result<Tree, String> {
    let is_scalar = |value: &Tree| matches!(value, Tree::String(_) | Tree::Number(_) | Tree::Bool(_));
    if !values.iter().all(is_scalar) {
        return Err("the operator `in` with lists or objects has no equivalent".to_owned());
    }
    Ok(if values.is_empty() { always(false) } else { attribute(name, "in", Tree::List(values.to_vec())) })
}

/// A time, as text or as a number of milliseconds on either side.
fn time(name: &str, operator: &str, value: &Tree) -> Option<Tree> {
    let limit: DateTime<Utc> = match value {
        Tree::String(text) => DateTime::parse_from_rfc3339(text).ok()?.to_utc(),
        Tree::Number(milliseconds) => DateTime::from_timestamp_millis(milliseconds.as_i64()?)?,
        _ => return None,
    };
    let instant = text(limit.to_rfc3339_opts(SecondsFormat::AutoSi, true));
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of dates have less than 53 bits")]
    let milliseconds = number(limit.timestamp_millis() as f64);
    let compared = if operator == "before" { "less" } else { "greater" };
    Some(or([attribute(name, operator, instant), attribute(name, compared, milliseconds)]))
}

/// Versions as semver 2.0 writes them; the last parts may be missing.
fn versions(name: &str, sign: &str, words: &[&str]) -> Tree {
    const VERSION: &str = r"^(0|[1-9]\d*)(\.(0|[1-9]\d*)){0,2}([-+][0-9A-Za-z.+-]+)?$";
    let range = |word: &&str| attribute(name, "semver", text(format!("{sign}{word}")));
    let is_version = |word: &&&str| {
        let core = word.split(['-', '+']).next().unwrap_or_default();
        core.split('.').count() <= 3 && core.split('.').all(|part| part.parse::<u64>().is_ok())
    };
    let found = or(words.iter().filter(is_version).map(range));
    and([attribute(name, "regex", text(VERSION)), found])
}
