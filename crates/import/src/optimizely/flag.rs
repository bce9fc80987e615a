//! One flag: its experiments in order, then the rules of its rollout.

use std::collections::BTreeMap;

use novi_files::{Flag, Tree};

use super::{
    Source,
    audience::{Audiences, is_one_of},
    holdout::keeps_deliveries,
    list, string,
    variation::Variations,
};
use crate::{
    collector::{Collector, Draft},
    config::{Given, always, and, constant, not, number, or, rules},
    options::Options,
    shares::Hashed,
    variations::assign,
};

/// The buckets of a traffic allocation.
const BUCKETS: f64 = 10_000.0;

/// The type of experiments that are no experiments.
const TARGETED_DELIVERY: &str = "td";

/// Translates one flag.
#[derive(Debug)]
pub(super) struct Translation<'a> {
    name: &'a str,
    flag: &'a Tree,
    source: &'a Source<'a>,
    variations: Variations<'a>,
}

impl<'a> Translation<'a> {
    pub(super) fn new(name: &'a str, flag: &'a Tree, source: &'a Source<'a>) -> Self {
        Self { name, flag, source, variations: Variations::new(flag) }
    }

    pub(super) fn draft(
        mut self,
        audiences: &mut Audiences<'_>,
        collector: &mut Collector,
    ) -> Result<Draft, String> {
        let mut found = Vec::new();
        let held_out =
            self.global_holdouts(audiences, &mut found).map_err(|why| format!("holdouts: {why}"))?;
        for id in list(self.flag, "experimentIds").iter().filter_map(Tree::as_str) {
            if let Some((experiment, group)) = self.source.experiments.get(id).copied() {
                let mut rules = Vec::new();
                self.experiment(experiment, group, audiences, &mut rules)
                    .map_err(|why| format!("experiment {id}: {why}"))?;
                if string(experiment, "type") != Some(TARGETED_DELIVERY) {
                    for (when, _) in &mut rules {
                        *when = and([not(held_out.clone()), when.clone()]);
                    }
                }
                found.extend(rules);
            }
        }
        let rollout = string(self.flag, "rolloutId").and_then(|id| self.source.rollouts.get(id).copied());
        if let Some(rollout) = rollout {
            self.rollout(rollout, audiences, &mut found).map_err(|why| format!("rollout: {why}"))?;
        }
        let mut differences = Vec::new();
        if self.variations.has_variables {
            differences.push(
                "variables have no values while the flag is off, where Optimizely has their defaults"
                    .to_owned(),
            );
        }
        if !self.variations.has_names() {
            for (_, given) in &mut found {
                *given = without_names(given.clone());
            }
        }
        let mut flag = Flag { status: Some(true), ..Flag::default() };
        assign(rules(found, Given::Off), self.name, "rules", collector, &mut flag);
        self.variations.write(&mut flag);
        Ok(Draft { flag, differences })
    }

    /// The rules of the holdouts before all others. Returns the condition of those whose users get no experiments.
    fn global_holdouts(
        &mut self,
        audiences: &mut Audiences<'_>,
        found: &mut Vec<(Tree, Given)>,
    ) -> Result<Tree, String> {
        let mut held_out = Vec::new();
        for holdout in &self.source.holdouts.global {
            let mut rules = Vec::new();
            self.holdout(holdout, audiences, &mut rules)?;
            if keeps_deliveries(holdout) {
                held_out.extend(rules.into_iter().map(|(when, _)| when));
                continue;
            }
            // After one whose users get deliveries, no other counts for them.
            let others = not(or(held_out.clone()));
            found.extend(rules.into_iter().map(|(when, given)| (and([others.clone(), when]), given)));
        }
        Ok(or(held_out))
    }

    fn holdout(
        &mut self,
        holdout: &Tree,
        audiences: &mut Audiences<'_>,
        found: &mut Vec<(Tree, Given)>,
    ) -> Result<(), String> {
        let audience = audiences.condition(holdout)?;
        self.allocated(holdout, &audience, found);
        Ok(())
    }

    /// The holdouts before a rule.
    fn local_holdouts(
        &mut self,
        rule: &Tree,
        audiences: &mut Audiences<'_>,
        found: &mut Vec<(Tree, Given)>,
    ) -> Result<(), String> {
        let source = self.source;
        for holdout in source.holdouts.of_rule(rule) {
            self.holdout(holdout, audiences, found)?;
        }
        Ok(())
    }

    fn experiment(
        &mut self,
        experiment: &Tree,
        group: Option<&Tree>,
        audiences: &mut Audiences<'_>,
        found: &mut Vec<(Tree, Given)>,
    ) -> Result<(), String> {
        // Those of an experiment that is paused are named as well, so that its start changes no names.
        for variation in list(experiment, "variations") {
            self.variations.given(variation);
        }
        self.local_holdouts(experiment, audiences, found)?;
        if string(experiment, "status") != Some("Running") {
            return Ok(());
        }
        if experiment.get("cmab").is_some_and(|cmab| *cmab != Tree::Null) {
            return Err("a contextual bandit has no equivalent".to_owned());
        }
        self.forced(experiment, found);
        let mut all = vec![audiences.condition(experiment)?];
        if let Some(group) = group.filter(|group| string(group, "policy") == Some("random")) {
            let ranges = ranges(group);
            let own = ranges.get(string(experiment, "id").unwrap_or_default()).cloned().unwrap_or_default();
            all.push(self.bucket(string(group, "id").unwrap_or_default(), own));
        }
        self.allocated(experiment, &and(all), found);
        Ok(())
    }

    /// Users who are named one by one.
    fn forced(&mut self, experiment: &Tree, found: &mut Vec<(Tree, Given)>) {
        let forced = experiment.get("forcedVariations").and_then(Tree::as_fields).unwrap_or_default();
        let mut users: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (user, variation) in forced {
            if let Some(variation) = variation.as_str() {
                users.entry(variation).or_default().push(user.clone());
            }
        }
        for variation in list(experiment, "variations") {
            let users = users.remove(string(variation, "key").unwrap_or_default());
            if let Some(users) = users {
                let given = self.variations.given(variation);
                found.push((is_one_of(&self.source.options.by, users), given));
            }
        }
    }

    /// The variations of an experiment, each for its buckets.
    fn allocated(&mut self, experiment: &Tree, when: &Tree, found: &mut Vec<(Tree, Given)>) {
        let mut ranges = ranges(experiment);
        let id = string(experiment, "id").unwrap_or_default();
        for variation in list(experiment, "variations") {
            if let Some(ranges) = ranges.remove(string(variation, "id").unwrap_or_default()) {
                let given = self.variations.given(variation);
                found.push((and([when.clone(), self.bucket(id, ranges)]), given));
            }
        }
    }

    /// Rules in order. Users of a rule who are in none of its buckets come to the last rule.
    fn rollout(
        &mut self,
        rollout: &Tree,
        audiences: &mut Audiences<'_>,
        found: &mut Vec<(Tree, Given)>,
    ) -> Result<(), String> {
        let Some((last, targeted)) = list(rollout, "experiments").split_last() else { return Ok(()) };
        let mut everyone = Vec::new();
        self.local_holdouts(last, audiences, &mut everyone)?;
        let audience = audiences.condition(last)?;
        self.allocated(last, &audience, &mut everyone);
        for rule in targeted {
            self.local_holdouts(rule, audiences, found)?;
            let audience = audiences.condition(rule)?;
            if constant(&audience) == Some(false) {
                continue;
            }
            self.allocated(rule, &audience, found);
            found.push((audience, rules(everyone.clone(), Given::Off)));
        }
        found.extend(everyone);
        Ok(())
    }

    fn bucket(&self, salt: &str, ranges: Vec<Tree>) -> Tree {
        if ranges.is_empty() {
            return always(false);
        }
        let by = Some(self.source.options.by.clone()).filter(|by| *by != Options::default().by);
        let hashed = Hashed { hash: "optimizely", salt: Some(salt.to_owned()), by };
        let total = ("total", number(BUCKETS));
        hashed.activation("novi.bucket", [("ranges", Tree::List(ranges)), total])
    }
}

/// The buckets of each entity of a traffic allocation.
fn ranges(of: &Tree) -> BTreeMap<&str, Vec<Tree>> {
    let mut found: BTreeMap<&str, Vec<Tree>> = BTreeMap::new();
    let mut start = 0.0;
    for allocation in list(of, "trafficAllocation") {
        let end = allocation.get("endOfRange").and_then(Tree::as_f64).unwrap_or_default().min(BUCKETS);
        if end > start {
            let range = Tree::List(vec![number(start), number(end)]);
            found.entry(string(allocation, "entityId").unwrap_or_default()).or_default().push(range);
            start = end;
        }
    }
    // Nobody is in buckets without an entity.
    found.remove("");
    found
}

/// The only variation that turns a flag on needs no name.
fn without_names(given: Given) -> Given {
    match given {
        Given::Variant(_) => Given::On,
        Given::Then(activation) => Given::Then(on(activation)),
        other => other,
    }
}

/// An activation whose rules turn the flag on in place of assigning a variant.
fn on(activation: Tree) -> Tree {
    match activation {
        Tree::Fields(fields) => {
            let field = |(name, value): (String, Tree)| match (name.as_str(), &value) {
                ("variant", Tree::String(_)) => ("on".to_owned(), Tree::Bool(true)),
                _ => (name, on(value)),
            };
            Tree::Fields(fields.into_iter().map(field).collect())
        }
        Tree::List(items) => Tree::List(items.into_iter().map(on).collect()),
        other => other,
    }
}
