//! Segments: lists of callers and rules, which flags share.

use std::collections::BTreeMap;

use novi_files::Tree;

use super::{
    attribute_name,
    clause::{condition, is_negated},
    list, strings,
};
use crate::{
    budget::Budget,
    collector::Collector,
    config::{Given, and, attribute, not, number, or, rules},
    members::Members,
    options::Options,
    read::string,
    shares::Hashed,
};

/// The segments of a source, each translated once.
#[derive(Debug)]
pub(super) struct Segments<'a> {
    by_key: BTreeMap<&'a str, &'a Tree>,
    options: &'a Options,
    /// The activations of those that are translated. `None` while one is being translated.
    known: BTreeMap<String, Option<Result<Tree, String>>>,
    budget: Budget,
}

impl<'a> Segments<'a> {
    pub(super) fn new(source: &'a Tree, options: &'a Options) -> Self {
        let with_key = |segment: &'a Tree| Some((string(segment, "key")?, segment));
        let by_key = match source.get("segments") {
            Some(Tree::Fields(fields)) => {
                fields.iter().map(|(key, segment)| (key.as_str(), segment)).collect()
            }
            Some(Tree::List(items)) => items.iter().filter_map(with_key).collect(),
            _ => BTreeMap::new(),
        };
        Self { by_key, options, known: BTreeMap::new(), budget: Budget::default() }
    }

    /// Whether all clauses match.
    pub(super) fn clauses(&mut self, rule: &Tree, collector: &mut Collector) -> Result<Tree, String> {
        let clauses: Result<Vec<Tree>, String> = list(rule, "clauses")
            .iter()
            .map(|clause| {
                if string(clause, "op") != Some("segmentMatch") {
                    return condition(clause, self.options);
                }
                let keys = strings(clause, "values");
                let found: Result<Vec<Tree>, String> =
                    keys.iter().map(|key| self.segment(key, collector)).collect();
                let found = or(found?);
                Ok(if is_negated(clause) { not(found) } else { found })
            })
            .collect();
        clauses.map(and)
    }

    /// Whether a caller is in a segment.
    fn segment(&mut self, key: &str, collector: &mut Collector) -> Result<Tree, String> {
        match self.known.get(key) {
            Some(Some(found)) => return found.clone(),
            Some(None) => return Err(format!("the segment {key:?} refers to itself")),
            None => (),
        }
        self.budget.enter()?;
        self.known.insert(key.to_owned(), None);
        let found = self.translated(key, collector);
        self.budget.leave();
        self.known.insert(key.to_owned(), Some(found.clone()));
        found
    }

    fn translated(&mut self, key: &str, collector: &mut Collector) -> Result<Tree, String> {
        let Some(segment) = self.by_key.get(key).copied() else {
            return Err(format!("the source lacks the segment {key:?}: add it as `segments`"));
        };
        if segment.get("unbounded") == Some(&Tree::Bool(true)) {
            return Err(format!("the segment {key:?} is a big segment, whose members are elsewhere"));
        }
        let name = format!("segment {key}");
        let mut list_of_rules = Vec::new();
        for (field, what, given) in
            [("included", "included", Given::On), ("excluded", "excluded", Given::Off)]
        {
            let mut lists = vec![(None, strings(segment, field))];
            for target in list(segment, &format!("{field}Contexts")) {
                lists.push((string(target, "contextKind"), strings(target, "values")));
            }
            for (kind, callers) in lists.into_iter().filter(|(_, callers)| !callers.is_empty()) {
                let by = attribute_name(kind, "key", self.options)?;
                let callers = Members { what, callers, by: &by }.reference(&name, collector);
                list_of_rules.push((callers, given.clone()));
            }
        }
        for rule in list(segment, "rules") {
            let mut when = self.clauses(rule, collector)?;
            if let Some(weight) = rule.get("weight").and_then(Tree::as_f64) {
                let share = self.share(key, segment, rule, weight)?;
                when = and([when, share]);
            }
            list_of_rules.push((when, Given::On));
        }
        let found = rules(list_of_rules, Given::Off).activation();
        Ok(collector.shared(&name, "callers", found))
    }

    /// The share of the callers of a rule.
    fn share(&self, key: &str, segment: &Tree, rule: &Tree, weight: f64) -> Result<Tree, String> {
        let kind = string(rule, "rolloutContextKind");
        let by = string(rule, "bucketBy").filter(|by| !by.is_empty()).unwrap_or("key");
        let by = attribute_name(kind, by, self.options)?;
        let salt = format!("{key}.{}", string(segment, "salt").unwrap_or_default());
        let hashed = Hashed { hash: "sha1", salt: Some(salt), by: Some(by.clone()) };
        let share = hashed.activation("novi.percentage", [("percentage", number(weight / 1_000.0))]);
        // Callers without the attribute have the first place.
        let missing = attribute(&by, "exists", Tree::Bool(false));
        Ok(if weight > 0.0 && by != self.options.by { or([share, missing]) } else { share })
    }
}
