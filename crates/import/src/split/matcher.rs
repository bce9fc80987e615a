//! Matchers: conditions on the key or on an attribute.

use std::collections::BTreeMap;

use novi_files::Tree;

use super::{Source, flag::Treatments, list, string, strings};
use crate::{
    budget::Budget,
    collector::Collector,
    config::{
        Given, always, and, attribute, expression, fields, inline, not, number, or, quoted, text, texts,
    },
    javascript::variable,
    members::Members,
    options::Options,
};

/// Translates matchers. Lists of keys are shared by flags.
#[derive(Debug)]
pub(super) struct Matchers<'a> {
    source: &'a Source<'a>,
    segments: BTreeMap<String, Tree>,
    budget: Budget,
}

impl<'a> Matchers<'a> {
    pub(super) fn new(source: &'a Source<'a>) -> Self {
        Self { source, segments: BTreeMap::new(), budget: Budget::default() }
    }

    /// Begins with another flag.
    pub(super) fn begin(&mut self) {
        self.budget = Budget::default();
    }

    /// The attribute that callers are divided by, unless it is `targetingKey`.
    pub(super) fn by(&self) -> Option<String> {
        Some(self.source.options.by.clone()).filter(|by| *by != Options::default().by)
    }

    /// Whether another flag has one of some treatments.
    pub(super) fn treatment(&self, name: &str, wanted: &[String]) -> Tree {
        let is_active = |flag: &&&Tree| string(flag, "status").is_none_or(|status| status == "ACTIVE");
        let Some(flag) = self.source.flags.get(name).filter(is_active) else {
            return always(wanted.iter().any(|wanted| wanted == "control"));
        };
        let treatments = Treatments::of(flag);
        let is_on = || inline("novi.flag", fields([("flag", text(name))]));
        let mut any = Vec::new();
        let mut names = Vec::new();
        for wanted in wanted {
            match treatments.given(wanted) {
                Given::On => any.push(is_on()),
                Given::Off => any.push(not(is_on())),
                Given::Variant(variant) => names.push(variant),
                Given::Then(_) => (),
            }
        }
        if !names.is_empty() {
            any.push(inline("novi.flag", fields([("flag", text(name)), ("variant", texts(names))])));
        }
        or(any)
    }

    pub(super) fn condition(&mut self, matcher: &Tree, collector: &mut Collector) -> Result<Tree, String> {
        let met = self.matcher(matcher, collector)?;
        Ok(if matcher.get("negate") == Some(&Tree::Bool(true)) { not(met) } else { met })
    }

    fn matcher(&mut self, matcher: &Tree, collector: &mut Collector) -> Result<Tree, String> {
        let name = matcher.get("keySelector").and_then(|selector| string(selector, "attribute"));
        let name = name.unwrap_or(&self.source.options.by);
        let data = |field: &str| matcher.get(field).unwrap_or(&Tree::Null);
        let words = strings(data("whitelistMatcherData"), "whitelist");
        let one_of = |operator: &str| {
            if words.is_empty() { always(false) } else { attribute(name, operator, texts(words.clone())) }
        };
        let version = || string(matcher, "stringMatcherData").unwrap_or_default();
        let kind = string(matcher, "matcherType").unwrap_or_default();
        Ok(match kind {
            "ALL_KEYS" => always(true),
            "IN_SEGMENT" => {
                let segment =
                    string(data("userDefinedSegmentMatcherData"), "segmentName").unwrap_or_default();
                self.segment(segment, collector)?
            }
            "IN_RULE_BASED_SEGMENT" => {
                let segment =
                    string(data("userDefinedSegmentMatcherData"), "segmentName").unwrap_or_default();
                self.rule_based(segment, collector)?
            }
            "WHITELIST" => one_of("in"),
            "STARTS_WITH" => one_of("starts_with"),
            "ENDS_WITH" => one_of("ends_with"),
            "CONTAINS_STRING" => one_of("contains"),
            "MATCHES_STRING" => attribute(name, "regex", text(version())),
            "EQUAL_TO" => unary(name, "==", data("unaryNumericMatcherData"))?,
            "GREATER_THAN_OR_EQUAL_TO" => unary(name, ">=", data("unaryNumericMatcherData"))?,
            "LESS_THAN_OR_EQUAL_TO" => unary(name, "<=", data("unaryNumericMatcherData"))?,
            "BETWEEN" => {
                let data = data("betweenMatcherData");
                and([compared(name, ">=", data, "start")?, compared(name, "<=", data, "end")?])
            }
            "CONTAINS_ANY_OF_SET" => set(name, &words, " || ", ""),
            "CONTAINS_ALL_OF_SET" => set(name, &words, " && ", ""),
            "EQUAL_TO_SET" => set(name, &words, " && ", &format!("{} && ", within(name, &words))),
            "PART_OF_SET" => expression(format!("size({}) > 0 && {}", variable(name), within(name, &words))),
            "IN_SPLIT_TREATMENT" => {
                let data = data("dependencyMatcherData");
                self.treatment(string(data, "split").unwrap_or_default(), &strings(data, "treatments"))
            }
            "EQUAL_TO_BOOLEAN" => {
                let value = data("booleanMatcherData").clone();
                attribute(name, "in", Tree::List(vec![text(value.to_json()), value]))
            }
            "EQUAL_TO_SEMVER" => semver(name, format!("={}", version())),
            "GREATER_THAN_OR_EQUAL_TO_SEMVER" => semver(name, format!(">={}", version())),
            "LESS_THAN_OR_EQUAL_TO_SEMVER" => semver(name, format!("<={}", version())),
            "BETWEEN_SEMVER" => {
                let limit = |field: &str| string(data("betweenStringMatcherData"), field).unwrap_or_default();
                semver(name, format!(">={}, <={}", limit("start"), limit("end")))
            }
            "IN_LIST_SEMVER" => or(words.iter().map(|word| semver(name, format!("={word}")))),
            _ => return Err(format!("the matcher {kind:?} has no equivalent")),
        })
    }

    /// Whether the key is in a list.
    fn segment(&mut self, name: &str, collector: &mut Collector) -> Result<Tree, String> {
        if let Some(found) = self.segments.get(name) {
            return Ok(found.clone());
        }
        let source = self.source.segments.filter(|segments| segments.get(name).is_some());
        let source = source
            .ok_or_else(|| format!("the source lacks the keys of the segment {name:?}: add `segments`"))?;
        let callers = strings(source, name);
        let list = Members { what: "keys", callers, by: &self.source.options.by };
        let found = list.reference(&format!("segment {name}"), collector);
        self.segments.insert(name.to_owned(), found.clone());
        Ok(found)
    }

    fn rule_based(&mut self, name: &str, collector: &mut Collector) -> Result<Tree, String> {
        let Some(segment) = self.source.rule_based.get(name).copied() else { return Ok(always(false)) };
        self.budget.enter()?;
        let mut out = Vec::new();
        let excluded = segment.get("excluded").unwrap_or(&Tree::Null);
        let keys = strings(excluded, "keys");
        if !keys.is_empty() {
            out.push(attribute(&self.source.options.by, "in", texts(keys)));
        }
        for other in list(excluded, "segments") {
            let name = string(other, "name").unwrap_or_default();
            out.push(if string(other, "type") == Some("standard") {
                self.segment(name, collector)?
            } else {
                let nested = self.source.rule_based.get(name).and_then(|segment| segment.get("excluded"));
                if nested.is_some_and(|nested| !list(nested, "segments").is_empty()) {
                    return Err(format!("the excluded segment {name:?} excludes segments itself"));
                }
                self.rule_based(name, collector)?
            });
        }
        let mut conditions = Vec::new();
        for condition in list(segment, "conditions") {
            let group = condition.get("matcherGroup").unwrap_or(&Tree::Null);
            let all: Result<Vec<Tree>, String> =
                list(group, "matchers").iter().map(|matcher| self.condition(matcher, collector)).collect();
            conditions.push(and(all?));
        }
        self.budget.leave();
        Ok(and([not(or(out)), or(conditions)]))
    }
}

fn unary(name: &str, sign: &str, data: &Tree) -> Result<Tree, String> {
    compared(name, sign, data, "value")
}

/// A comparison of numbers, which may be strings.
fn compared(name: &str, sign: &str, data: &Tree, field: &str) -> Result<Tree, String> {
    if string(data, "dataType").is_some_and(|kind| kind != "NUMBER") {
        let reason = "callers have dates in seconds in some SDKs of Split and in milliseconds in others, so matchers of \
                      dates are not imported";
        return Err(reason.to_owned());
    }
    let limit = data.get(field).and_then(Tree::as_f64).ok_or("expected a number")?;
    let limit = number(limit).to_json();
    let limit = if limit.contains(['.', 'e']) { limit } else { format!("{limit}.0") };
    Ok(expression(format!("double({}) {sign} {limit}", variable(name))))
}

fn semver(name: &str, range: String) -> Tree {
    attribute(name, "semver_strict", text(range))
}

/// Strings that are in the attribute, which is a list.
fn set(name: &str, words: &[String], sign: &str, and: &str) -> Tree {
    let variable = variable(name);
    let each: Vec<String> = words.iter().map(|word| format!("{} in {variable}", quoted(word))).collect();
    match each.as_slice() {
        [] => always(sign == " && "),
        each => expression(format!("{and}{}", each.join(sign))),
    }
}

/// Whether all values of the attribute are among some strings.
fn within(name: &str, words: &[String]) -> String {
    format!("{}.all(value, value in {})", variable(name), texts(words.iter().cloned()).to_json())
}
