//! Constraints on attributes.

use chrono::{DateTime, SecondsFormat, Utc};
use novi_files::Tree;

use super::{
    list,
    strategy::{in_networks, is_in},
};
use crate::config::{
    always, and, attribute, constant, expression, fields, inline, not, or, quoted, text, texts,
};

/// The attribute that Unleash's clients set to the time of the evaluation.
const CURRENT_TIME: &str = "currentTime";

/// Whether a constraint is met.
pub(super) fn constraint(source: &Tree) -> Result<Tree, String> {
    let field = |name: &str| source.get(name).and_then(Tree::as_str);
    let name = field("contextName").ok_or("a constraint has no contextName")?;
    let operator = field("operator").ok_or("a constraint has no operator")?;
    let values = || -> Vec<String> {
        let values = list(source, "values").iter().filter_map(Tree::as_str);
        values.filter(|value| !value.is_empty()).map(|value| value.trim().to_owned()).collect()
    };
    let ignores_case = source.get("caseInsensitive") == Some(&Tree::Bool(true));
    let part = |operator: &str| {
        let values = values();
        if values.is_empty() { always(false) } else { cased(name, operator, texts(values), ignores_case) }
    };
    let met = match operator {
        "IN" => is_in(name, values()),
        "NOT_IN" => not(is_in(name, values())),
        "STR_CONTAINS" => part("contains"),
        "STR_STARTS_WITH" => part("starts_with"),
        "STR_ENDS_WITH" => part("ends_with"),
        "REGEX" => cased(name, "regex", text(field("value").unwrap_or_default()), ignores_case),
        "IN_CIDR" => in_networks(name, values()),
        "NUM_EQ" => compared(name, "==", source),
        "NUM_GT" => compared(name, ">", source),
        "NUM_GTE" => compared(name, ">=", source),
        "NUM_LT" => compared(name, "<", source),
        "NUM_LTE" => compared(name, "<=", source),
        "DATE_AFTER" => time(name, true, source)?,
        "DATE_BEFORE" => time(name, false, source)?,
        "SEMVER_EQ" => version(name, "=", field("value")),
        "SEMVER_GT" => version(name, ">", field("value")),
        "SEMVER_GTE" => version(name, ">=", field("value")),
        "SEMVER_LT" => version(name, "<", field("value")),
        "SEMVER_LTE" => version(name, "<=", field("value")),
        // An unknown operator is not met, even if it is inverted.
        _ => return Ok(always(false)),
    };
    let is_inverted = source.get("inverted") == Some(&Tree::Bool(true));
    Ok(if is_inverted { not(met) } else { met })
}

/// A condition on a string.
fn cased(name: &str, operator: &str, operand: Tree, ignores_case: bool) -> Tree {
    if !ignores_case {
        return attribute(name, operator, operand);
    }
    let config = [("attribute", text(name)), (operator, operand), ("ignore_case", Tree::Bool(true))];
    inline("novi.attribute", fields(config))
}

/// A comparison of numbers, which clients send as strings.
fn compared(name: &str, sign: &str, source: &Tree) -> Tree {
    let value = source.get("value");
    let limit = value.and_then(|value| value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()));
    match limit.filter(|limit: &f64| limit.is_finite()) {
        Some(limit) => expression(format!("double(context[{}]) {sign} {limit:?}", quoted(name))),
        None => always(false),
    }
}

/// A time after or before a limit. Unless a caller has the attribute, it is that of the evaluation.
fn time(name: &str, is_after: bool, source: &Tree) -> Result<Tree, String> {
    let value = source.get("value").and_then(Tree::as_str).unwrap_or_default();
    let limit = DateTime::parse_from_rfc3339(value).map(|time| time.with_timezone(&Utc));
    let limit =
        limit.map_err(|_| format!("expected a time such as 2026-12-01T00:00:00Z, found {value:?}"))?;
    let limit = text(limit.to_rfc3339_opts(SecondsFormat::AutoSi, true));
    let given = attribute(name, if is_after { "after" } else { "before" }, limit.clone());
    if name != CURRENT_TIME {
        return Ok(given);
    }
    let window = fields([(if is_after { "startDateTime" } else { "endDateTime" }, limit)]);
    let missing = attribute(name, "exists", Tree::Bool(false));
    Ok(or([given, and([missing, inline("novi.date_time", window)])]))
}

/// Only complete versions, without `v`, are compared.
fn version(name: &str, sign: &str, value: Option<&str>) -> Tree {
    let value = value.unwrap_or_default().trim();
    let core = value.split(['-', '+']).next().unwrap_or_default();
    let is_complete = core.split('.').count() == 3 && core.split('.').all(|part| part.parse::<u64>().is_ok());
    let met = attribute(name, "semver_strict", text(format!("{sign}{value}")));
    if is_complete && constant(&met).is_none() { met } else { always(false) }
}
