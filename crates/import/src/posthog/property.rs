//! Conditions on properties, on cohorts and on other flags.

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat};
use novi_files::Tree;

use super::{Source, list, string};
use crate::budget::Budget;
use crate::config::{always, and, attribute, expression, fields, inline, not, number, or, quoted, text};

/// Translates conditions. Properties are those of the person, or of a group in an object.
#[derive(Debug)]
pub(super) struct Properties<'a> {
    source: &'a Source<'a>,
    prefix: Option<&'a str>,
    budget: Budget,
}

impl<'a> Properties<'a> {
    pub(super) fn new(source: &'a Source<'a>, prefix: Option<&'a str>) -> Self {
        Self { source, prefix, budget: Budget::default() }
    }

    pub(super) fn all(&mut self, list: &[Tree]) -> Result<Tree, String> {
        list.iter().map(|property| self.condition(property)).collect::<Result<Vec<_>, _>>().map(and)
    }

    fn condition(&mut self, property: &Tree) -> Result<Tree, String> {
        match string(property, "type") {
            Some("cohort") => self.cohort(property),
            Some("flag") => Ok(self.flag(property)),
            _ => self.property(property),
        }
    }

    /// The value of another flag.
    fn flag(&self, property: &Tree) -> Tree {
        let name = string(property, "key").unwrap_or_default();
        let Some(other) = self.source.flags.get(name) else { return always(false) };
        if string(property, "operator") != Some("flag_evaluates_to") {
            return always(false);
        }
        let variants = other.get("filters").and_then(|filters| filters.get("multivariate"));
        let variants = variants.map(|all| list(all, "variants")).unwrap_or_default();
        match property.get("value") {
            Some(Tree::Bool(is_on)) => {
                let found = inline("novi.flag", fields([("flag", text(name))]));
                if *is_on { found } else { not(found) }
            }
            Some(Tree::String(variant))
                if variants.iter().any(|known| string(known, "key") == Some(variant)) =>
            {
                inline("novi.flag", fields([("flag", text(name)), ("variant", text(variant))]))
            }
            _ => always(false),
        }
    }

    fn cohort(&mut self, property: &Tree) -> Result<Tree, String> {
        let id = property.get("value").unwrap_or(&Tree::Null);
        let id = id.as_str().map_or_else(|| id.to_json(), str::to_owned);
        let cohort = self.source.cohorts.and_then(|cohorts| cohorts.get(&id));
        let cohort =
            cohort.ok_or_else(|| format!("the source lacks the cohort {id}, which is a static one"))?;
        let found = self.cohort_group(cohort)?;
        match string(property, "operator").unwrap_or("exact") {
            "exact" | "in" => Ok(found),
            "not_in" => Ok(not(found)),
            other => Err(format!("a cohort has no operator {other:?}")),
        }
    }

    fn cohort_group(&mut self, group: &Tree) -> Result<Tree, String> {
        self.budget.enter()?;
        let mut found = Vec::new();
        for entry in list(group, "values") {
            let is_group =
                entry.get("values").is_some() || matches!(string(entry, "type"), Some("AND" | "OR"));
            let met = if is_group { self.cohort_group(entry)? } else { self.condition(entry)? };
            let is_negated = !is_group && entry.get("negation") == Some(&Tree::Bool(true));
            found.push(if is_negated { not(met) } else { met });
        }
        self.budget.leave();
        Ok(match string(group, "type") {
            _ if found.is_empty() => always(true),
            Some("OR") => or(found),
            _ => and(found),
        })
    }

    /// A condition on a property. One that the caller does not have is not met.
    fn property(&self, property: &Tree) -> Result<Tree, String> {
        let key = string(property, "key").ok_or("a property has no key")?;
        let name = self.prefix.map_or_else(|| key.to_owned(), |prefix| format!("{prefix}.{key}"));
        let name = name.as_str();
        let value = property.get("value").unwrap_or(&Tree::Null);
        let exists = |is_set: bool| attribute(name, "exists", Tree::Bool(is_set));
        let unless = |met: Tree| and([exists(true), not(met)]);
        let operator = string(property, "operator").unwrap_or("exact");
        Ok(match operator {
            "exact" => self.exact(name, value),
            "is_not" => unless(self.exact(name, value)),
            "is_set" => exists(true),
            "is_not_set" => exists(false),
            "icontains" => ignoring_case(name, "contains", value)?,
            "not_icontains" => unless(ignoring_case(name, "contains", value)?),
            "starts_with" => ignoring_case(name, "starts_with", value)?,
            "not_starts_with" => unless(ignoring_case(name, "starts_with", value)?),
            "ends_with" => ignoring_case(name, "ends_with", value)?,
            "not_ends_with" => unless(ignoring_case(name, "ends_with", value)?),
            "regex" => attribute(name, "regex", text(shown(value))),
            "not_regex" => unless(attribute(name, "regex", text(shown(value)))),
            "gt" => compared(name, ">", value)?,
            "gte" => compared(name, ">=", value)?,
            "lt" => compared(name, "<", value)?,
            "lte" => compared(name, "<=", value)?,
            "is_date_before" => attribute(name, "before", text(date(value)?)),
            "is_date_after" => attribute(name, "after", text(date(value)?)),
            "semver_neq" => {
                let is_version = attribute(name, "semver", text(">=0.0.0-0"));
                and([is_version, not(version(name, "semver_eq", value)?)])
            }
            _ => version(name, operator, value)?,
        })
    }

    /// One of some values, as text without regard to case.
    fn exact(&self, name: &str, value: &Tree) -> Tree {
        if self.source.has_truth
            && let Some(is_true) = truth(value)
        {
            let found = or([
                attribute(name, "equals", Tree::Bool(true)),
                inline(
                    "novi.attribute",
                    fields([
                        ("attribute", text(name)),
                        ("equals", text("true")),
                        ("ignore_case", Tree::Bool(true)),
                    ]),
                ),
            ]);
            let exists = attribute(name, "exists", Tree::Bool(true));
            return if is_true { found } else { and([exists, not(found)]) };
        }
        let mut values = Vec::new();
        for value in value.as_list().unwrap_or(std::slice::from_ref(value)) {
            let value = shown(value);
            match serde_json::from_str(&value) {
                Ok(Tree::Number(found)) if number(found.as_f64().unwrap_or_default()).to_json() == value => {
                    values.push(Tree::Number(found));
                }
                _ => match value.to_lowercase().as_str() {
                    "true" => values.push(Tree::Bool(true)),
                    "false" => values.push(Tree::Bool(false)),
                    _ => (),
                },
            }
            values.push(text(value));
        }
        let config =
            [("attribute", text(name)), ("in", Tree::List(values)), ("ignore_case", Tree::Bool(true))];
        inline("novi.attribute", fields(config))
    }
}

/// A value as text.
fn shown(value: &Tree) -> String {
    value.as_str().map_or_else(|| value.to_json(), str::to_owned)
}

/// What a value means if it, or all of a list, read as booleans. An empty list asks for a true value.
fn truth(value: &Tree) -> Option<bool> {
    match value {
        Tree::Bool(value) => Some(*value),
        Tree::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Tree::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        Tree::List(items) => {
            let all: Option<Vec<bool>> = items.iter().map(truth).collect();
            all.map(|all| all.into_iter().all(|is_true| is_true))
        }
        _ => None,
    }
}

fn ignoring_case(name: &str, operator: &str, value: &Tree) -> Result<Tree, String> {
    if matches!(value, Tree::List(_) | Tree::Fields(_)) {
        return Err(format!("{operator} of a list has no equivalent"));
    }
    let config =
        [("attribute", text(name)), (operator, text(shown(value))), ("ignore_case", Tree::Bool(true))];
    Ok(inline("novi.attribute", fields(config)))
}

fn compared(name: &str, sign: &str, value: &Tree) -> Result<Tree, String> {
    let limit = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    let limit = limit.filter(|limit| limit.is_finite()).ok_or("expected a number to compare with")?;
    let variable =
        name.split('.').fold("context".to_owned(), |path, part| format!("{path}[{}]", quoted(part)));
    Ok(expression(format!("double({variable}) {sign} {limit:?}")))
}

/// A time in RFC 3339; one without a zone is in UTC.
fn date(value: &Tree) -> Result<String, String> {
    let value = shown(value);
    let as_text = |time: DateTime<chrono::Utc>| time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    if let Ok(time) = DateTime::parse_from_rfc3339(&value.replacen(' ', "T", 1)) {
        return Ok(as_text(time.to_utc()));
    }
    let date = NaiveDate::parse_from_str(&value, "%Y-%m-%d").ok().and_then(|date| date.and_hms_opt(0, 0, 0));
    let time = || NaiveDateTime::parse_from_str(&value.replacen(' ', "T", 1), "%Y-%m-%dT%H:%M:%S%.f").ok();
    date.or_else(time)
        .map(|time| as_text(time.and_utc()))
        .ok_or_else(|| format!("expected a date, found {value:?}; relative dates have no equivalent"))
}

/// Versions of three numbers, without regard to what follows them.
fn version(name: &str, operator: &str, value: &Tree) -> Result<Tree, String> {
    let value = shown(value);
    let invalid = || format!("{operator}: expected a version, found {value:?}");
    let stripped = value.trim().trim_start_matches(['v', 'V']).trim_end_matches(".*");
    let core = stripped.split(['-', '+']).next().unwrap_or_default();
    let parts: Result<Vec<u32>, _> = core.split('.').map(str::parse).collect();
    let parts = parts.map_err(|_| invalid())?;
    let part = |index: usize| u64::from(parts.get(index).copied().unwrap_or_default());
    let (major, minor, patch) = (part(0), part(1), part(2));
    let next = match operator {
        "semver_tilde" => (major, minor + 1, 0),
        "semver_caret" if major > 0 => (major + 1, 0, 0),
        "semver_caret" if minor > 0 => (0, minor + 1, 0),
        "semver_wildcard" if parts.len() == 1 => (major + 1, 0, 0),
        "semver_wildcard" if parts.len() == 2 => (major, minor + 1, 0),
        _ => (major, minor, patch + 1),
    };
    // Versions before a release count as the release.
    let from = |(major, minor, patch)| format!(">={major}.{minor}.{patch}-0");
    let before = |(major, minor, patch)| format!("<{major}.{minor}.{patch}-0");
    let this = (major, minor, patch);
    let range = match operator {
        "semver_eq" | "semver_tilde" | "semver_caret" | "semver_wildcard" => {
            format!("{}, {}", from(this), before(next))
        }
        "semver_gt" => from(next),
        "semver_gte" => from(this),
        "semver_lt" => before(this),
        "semver_lte" => before(next),
        _ => return Err(format!("the operator {operator:?} has no equivalent")),
    };
    Ok(attribute(name, "semver", text(range)))
}
