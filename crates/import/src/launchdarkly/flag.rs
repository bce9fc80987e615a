//! One flag: prerequisites, targets, rules, fallthrough.

use std::collections::BTreeMap;

use novi_files::{Flag, Tree};

use super::{Source, attribute_name, index, list, segment::Segments, strings};
use crate::{
    collector::{Collector, Draft},
    config::{Given, always, and, fields, inline, not, rules, text},
    members::Members,
    options::Options,
    read::string,
    shares::Hashed,
    switch::{is_true, object},
    variations::{Variations, assign},
};

/// The buckets of a rollout.
const BUCKETS: u64 = 100_000;

/// Translates one flag.
#[derive(Debug)]
pub(super) struct Translation<'a> {
    name: &'a str,
    source: Source<'a>,
    flags: &'a BTreeMap<&'a str, Source<'a>>,
    options: &'a Options,
    variations: Variations,
    differences: Vec<String>,
}

impl<'a> Translation<'a> {
    pub(super) fn new(
        name: &'a str,
        source: Source<'a>,
        flags: &'a BTreeMap<&'a str, Source<'a>>,
        options: &'a Options,
    ) -> Self {
        let variations = variations(source.flag);
        Self { name, source, flags, options, variations, differences: Vec::new() }
    }

    pub(super) fn draft(
        &mut self,
        segments: &mut Segments<'_>,
        collector: &mut Collector,
    ) -> Result<Draft, String> {
        let Source { flag: source, state } = self.source;
        object(source)?;
        object(state)?;
        if is_true(source, "deleted")? || is_true(state, "deleted")? {
            return Err("it is deleted in LaunchDarkly".to_owned());
        }
        let is_on = is_true(state, "on")?;
        let mut flag = Flag { status: Some(true), tags: strings(source, "tags"), ..Flag::default() };
        flag.description = string(source, "description").filter(|text| !text.is_empty()).map(str::to_owned);
        let maintainer = source.get("_maintainer").and_then(|person| string(person, "email"));
        flag.owner = maintainer.map(str::to_owned);
        let off = index(state, "offVariation");
        if off.is_none() && self.variations.is_boolean {
            self.differs("where LaunchDarkly leaves the value to the program, the flag is off");
        }
        let off = off.map_or(Given::Off, |variation| self.variations.given(variation));
        if is_on {
            let given = self.given(off, segments, collector)?;
            assign(given, self.name, "rules", collector, &mut flag);
        } else {
            flag.status = Some(off == Given::On);
            if let Given::Variant(name) = off {
                flag.off_variant = Some(name);
            }
        }
        let variations = std::mem::replace(&mut self.variations, Variations::new([]));
        variations.write(&mut flag);
        Ok(Draft { flag, differences: std::mem::take(&mut self.differences) })
    }

    fn differs(&mut self, how: impl Into<String>) {
        self.differences.push(how.into());
    }

    /// What a flag that is on gives.
    fn given(
        &mut self,
        off: Given,
        segments: &mut Segments<'_>,
        collector: &mut Collector,
    ) -> Result<Given, String> {
        let state = self.source.state;
        let mut found = Vec::new();
        let mut prerequisites = Vec::new();
        for prerequisite in list(state, "prerequisites") {
            prerequisites.push(self.prerequisite(prerequisite)?);
        }
        found.push((not(and(prerequisites)), off));
        self.targets(&mut found, collector)?;
        for (number, rule) in list(state, "rules").iter().enumerate() {
            let when = segments.clauses(rule, collector).map_err(|why| format!("rules[{number}]: {why}"))?;
            let given = self.outcome(rule).map_err(|why| format!("rules[{number}]: {why}"))?;
            found.push((when, given));
        }
        let fallthrough = state.get("fallthrough").ok_or("fallthrough: expected a variation or a rollout")?;
        let fallthrough = self.outcome(fallthrough).map_err(|why| format!("fallthrough: {why}"))?;
        Ok(rules(found, fallthrough))
    }

    /// Whether another flag is on and has a variation.
    fn prerequisite(&self, prerequisite: &Tree) -> Result<Tree, String> {
        let key = string(prerequisite, "key").ok_or("prerequisites: expected the key of a flag")?;
        let wanted = index(prerequisite, "variation").ok_or("prerequisites: expected a variation")?;
        let Some(other) = self.flags.get(key) else { return Ok(always(false)) };
        let is_there = |of: &Tree| of.get("deleted") != Some(&Tree::Bool(true));
        if other.state.get("on") != Some(&Tree::Bool(true)) || !is_there(other.state) || !is_there(other.flag)
        {
            return Ok(always(false));
        }
        let variations = variations(other.flag);
        let is_on = inline("novi.flag", fields([("flag", text(key))]));
        Ok(match variations.given(wanted) {
            Given::On => is_on,
            Given::Off if variations.name(wanted).is_some() => not(is_on),
            Given::Variant(name) => {
                inline("novi.flag", fields([("flag", text(key)), ("variant", text(name))]))
            }
            _ => always(false),
        })
    }

    /// Callers who are named one by one.
    fn targets(&self, found: &mut Vec<(Tree, Given)>, collector: &mut Collector) -> Result<(), String> {
        let state = self.source.state;
        let targets = list(state, "targets");
        let of_contexts = list(state, "contextTargets");
        let is_user = |target: &Tree| {
            string(target, "contextKind").is_none_or(|kind| kind.is_empty() || kind == "user")
        };
        let mut lists: Vec<(&Tree, &Tree)> = Vec::new();
        if of_contexts.is_empty() {
            lists.extend(targets.iter().map(|target| (target, target)));
        }
        for target in of_contexts {
            // Targets of the kind `user` stand in the other list.
            let values = if is_user(target) {
                targets.iter().find(|other| index(other, "variation") == index(target, "variation"))
            } else {
                Some(target)
            };
            lists.extend(values.map(|values| (target, values)));
        }
        for (target, values) in lists {
            let callers = strings(values, "values");
            let Some(variation) = index(target, "variation").filter(|_| !callers.is_empty()) else {
                continue;
            };
            let by = attribute_name(string(target, "contextKind"), "key", self.options)?;
            let what = format!("targets of {}", self.variations.name(variation).unwrap_or_default());
            let callers = Members { what: &what, callers, by: &by }.reference(self.name, collector);
            found.push((callers, self.variations.given(variation)));
        }
        Ok(())
    }

    /// A variation, or a rollout.
    fn outcome(&mut self, source: &Tree) -> Result<Given, String> {
        if let Some(variation) = index(source, "variation") {
            return Ok(self.variations.given(variation));
        }
        let rollout = source.get("rollout").ok_or("expected a variation or a rollout")?;
        let is_experiment = string(rollout, "kind") == Some("experiment");
        let by = string(rollout, "bucketBy").filter(|by| !by.is_empty() && !is_experiment).unwrap_or("key");
        let by = attribute_name(string(rollout, "contextKind"), by, self.options)?;
        let salt = match rollout.get("seed") {
            Some(Tree::Number(seed)) => seed.to_string(),
            _ => format!("{}.{}", self.name, string(self.source.state, "salt").unwrap_or_default()),
        };
        let mut shares = Vec::new();
        for variation in list(rollout, "variations") {
            let given = index(variation, "variation").map(|variation| self.variations.given(variation));
            let weight =
                if let Some(Tree::Number(weight)) = variation.get("weight") { weight.as_u64() } else { None };
            shares.push((
                given.ok_or("a rollout without a variation")?,
                weight.ok_or("a rollout without a weight")?,
            ));
        }
        // Callers without the attribute have the first place, and those after the last share are in it.
        let first =
            shares.iter().find(|(_, weight)| *weight > 0).or(shares.last()).map(|(given, _)| given.clone());
        let first = first.ok_or("a rollout without variations")?;
        let sum: u64 = shares.iter().map(|(_, weight)| *weight).fold(0, u64::saturating_add);
        if sum < BUCKETS
            && let Some((_, weight)) = shares.last_mut()
        {
            *weight += BUCKETS - sum;
        }
        let hashed =
            Hashed { hash: "sha1", salt: Some(salt), by: Some(by).filter(|by| by != "targetingKey") };
        Ok(hashed.given(shares, BUCKETS, first))
    }
}

/// The variations of a flag, which are values, or objects with a name and a value.
fn variations(flag: &Tree) -> Variations {
    Variations::new(list(flag, "variations").iter().map(|variation| match variation.get("value") {
        Some(value) if variation.get("_id").is_some() => (string(variation, "name"), value),
        _ => (None, variation),
    }))
}
