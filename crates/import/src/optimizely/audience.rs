//! Audiences: conditions that are true, false, or unknown, as for an attribute that is missing.

use std::collections::BTreeMap;

use novi_files::Tree;

use super::{list, string};
use crate::{
    budget::Budget,
    config::{always, and, attribute, fields, inline, not, or, text},
};

/// When a condition is true, and when it is false. Otherwise it is unknown.
#[derive(Clone, Debug)]
struct Known {
    is_true: Tree,
    is_false: Tree,
}

/// Translates the audiences of a datafile.
#[derive(Debug)]
pub(super) struct Audiences<'a> {
    by_id: BTreeMap<&'a str, &'a Tree>,
    known: BTreeMap<String, Result<Known, String>>,
    budget: Budget,
}

impl<'a> Audiences<'a> {
    pub(super) fn new(source: &'a Tree) -> Self {
        let mut by_id = BTreeMap::new();
        // Typed audiences replace others of the same id.
        for audience in list(source, "audiences").iter().chain(list(source, "typedAudiences")) {
            by_id.extend(string(audience, "id").map(|id| (id, audience)));
        }
        Self { by_id, known: BTreeMap::new(), budget: Budget::default() }
    }

    /// Whether a caller is in the audiences of an experiment.
    pub(super) fn condition(&mut self, experiment: &Tree) -> Result<Tree, String> {
        self.budget = Budget::default();
        let ids = experiment.get("audienceIds").unwrap_or(&Tree::Null);
        let conditions =
            experiment.get("audienceConditions").filter(|found| **found != Tree::Null).unwrap_or(ids);
        if matches!(conditions, Tree::Null) || conditions.as_list().is_some_and(<[Tree]>::is_empty) {
            return Ok(always(true));
        }
        self.tree(conditions, true).map(|known| known.is_true)
    }

    /// A condition, or a list that begins with an operator. Strings are the ids of audiences.
    fn tree(&mut self, source: &Tree, has_ids: bool) -> Result<Known, String> {
        match source {
            Tree::List(items) => {
                let (operator, operands) = match items.split_first() {
                    Some((Tree::String(operator), rest))
                        if matches!(operator.as_str(), "and" | "or" | "not") =>
                    {
                        (operator.as_str(), rest)
                    }
                    _ => ("or", items.as_slice()),
                };
                self.budget.enter()?;
                let found: Result<Vec<Known>, String> =
                    operands.iter().map(|operand| self.tree(operand, has_ids)).collect();
                self.budget.leave();
                Ok(joined(operator, found?))
            }
            Tree::String(id) if has_ids => self.audience(id),
            Tree::Fields(_) => leaf(source),
            _ => Err("expected a condition, or a list of conditions".to_owned()),
        }
    }

    fn audience(&mut self, id: &str) -> Result<Known, String> {
        if let Some(known) = self.known.get(id) {
            return known.clone();
        }
        let found = self.translated(id);
        self.known.insert(id.to_owned(), found.clone());
        found
    }

    fn translated(&mut self, id: &str) -> Result<Known, String> {
        let unknown = Known { is_true: always(false), is_false: always(false) };
        let Some(audience) = self.by_id.get(id).copied() else { return Ok(unknown) };
        match audience.get("conditions") {
            // Conditions of older datafiles are JSON in a string.
            Some(Tree::String(text)) => {
                let conditions: Tree = serde_json::from_str(text)
                    .map_err(|error| format!("the audience {id} has invalid conditions: {error}"))?;
                self.tree(&conditions, false)
            }
            Some(conditions) => self.tree(conditions, false),
            None => Ok(unknown),
        }
    }
}

fn joined(operator: &str, list: Vec<Known>) -> Known {
    if operator == "not" {
        let first = list.into_iter().next();
        let (is_true, is_false) =
            first.map_or((always(false), always(false)), |known| (known.is_false, known.is_true));
        return Known { is_true, is_false };
    }
    let (on, off): (Vec<Tree>, Vec<Tree>) =
        list.into_iter().map(|known| (known.is_true, known.is_false)).unzip();
    if operator == "and" {
        Known { is_true: and(on), is_false: or(off) }
    } else {
        Known { is_true: or(on), is_false: and(off) }
    }
}

/// A condition on an attribute.
fn leaf(source: &Tree) -> Result<Known, String> {
    let name = string(source, "name").ok_or("a condition has no name")?;
    let kind = string(source, "type").unwrap_or_default();
    match kind {
        "custom_attribute" => (),
        "third_party_dimension" => {
            return Err("audiences of Optimizely's data platform have no equivalent".to_owned());
        }
        // SDKs do not know other types.
        _ => return Ok(Known { is_true: always(false), is_false: always(false) }),
    }
    let value = source.get("value").unwrap_or(&Tree::Null);
    let by = |operator: &str| attribute(name, operator, value.clone());
    let (is_true, is_false) = match string(source, "match").unwrap_or("exact") {
        "exact" => match value {
            Tree::String(_) | Tree::Number(_) | Tree::Bool(_) => (by("equals"), by("not_equals")),
            _ => (always(false), always(false)),
        },
        "exists" => {
            (attribute(name, "exists", Tree::Bool(true)), attribute(name, "exists", Tree::Bool(false)))
        }
        "substring" => match value {
            Tree::String(_) => {
                (by("contains"), and([attribute(name, "contains", text("")), not(by("contains"))]))
            }
            _ => (always(false), always(false)),
        },
        found @ ("gt" | "ge" | "lt" | "le") => match value {
            Tree::Number(_) => {
                let (is_true, is_false) = match found {
                    "gt" => ("greater", "less_or_equal"),
                    "ge" => ("greater_or_equal", "less"),
                    "lt" => ("less", "greater_or_equal"),
                    _ => ("less_or_equal", "greater"),
                };
                (by(is_true), by(is_false))
            }
            _ => (always(false), always(false)),
        },
        found => {
            let range = version_range(found, value.as_str().unwrap_or_default())?;
            let met = attribute(name, "semver", text(range));
            let is_version = attribute(name, "semver", text(">=0.0.0-0"));
            (met.clone(), and([is_version, not(met)]))
        }
    };
    Ok(Known { is_true, is_false })
}

/// The range of versions that a condition accepts. Of a target with fewer than three parts, only these are compared.
fn version_range(found: &str, target: &str) -> Result<String, String> {
    let invalid = || format!("{found}: expected a version such as \"1.2\" or \"1.2.3\", found {target:?}");
    let parts: Result<Vec<u32>, _> = target.split('.').map(str::parse::<u32>).collect();
    let is_whole = !target.contains(['-', '+']);
    let parts = parts.ok().filter(|parts| is_whole && parts.len() <= 3).ok_or_else(invalid)?;
    let part = |index: usize| u64::from(parts.get(index).copied().unwrap_or_default());
    let (major, minor, patch) = (part(0), part(1), part(2));
    let next = match parts.len() {
        1 => format!("{}.0.0", major + 1),
        2 => format!("{major}.{}.0", minor + 1),
        _ => format!("{major}.{minor}.{}", patch + 1),
    };
    let this = format!("{major}.{minor}.{patch}");
    let is_complete = parts.len() == 3;
    // Versions before a release are less than it, also of a target that is less precise.
    Ok(match found {
        "semver_eq" if is_complete => format!("={this}"),
        "semver_eq" => format!(">={this}, <{next}-0"),
        "semver_gt" if is_complete => format!(">{this}"),
        "semver_gt" => format!(">={next}-0"),
        "semver_ge" => format!(">={this}"),
        "semver_lt" => format!("<{this}"),
        "semver_le" if is_complete => format!("<={this}"),
        "semver_le" => format!("<{next}-0"),
        _ => return Err(format!("the match {found:?} has no equivalent")),
    })
}

/// Callers whose key is in a list.
pub(super) fn is_one_of(by: &str, keys: Vec<String>) -> Tree {
    let mut config = vec![("allow", crate::config::texts(keys))];
    if by != crate::options::Options::default().by {
        config.push(("by", text(by)));
    }
    inline("novi.members", fields(config))
}
