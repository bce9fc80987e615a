//! The rules of a feature: values that are forced, and experiments.

use novi_files::Tree;

use super::{
    Source, Values,
    condition::Conditions,
    hash::{Places, pair, pairs},
    parent,
};
use crate::config::{Given, always, and, not, rules};

/// Translates one feature.
#[derive(Debug)]
pub(super) struct Translation<'a> {
    pub(super) differences: Vec<String>,
    name: &'a str,
    values: &'a Values,
    source: &'a Source<'a>,
}

impl<'a> Translation<'a> {
    pub(super) fn new(name: &'a str, values: &'a Values, source: &'a Source<'a>) -> Self {
        Self { differences: Vec::new(), name, values, source }
    }

    pub(super) fn given(&mut self, feature: &Tree) -> Result<Given, String> {
        let mut list = Vec::new();
        for (number, rule) in feature.get("rules").and_then(Tree::as_list).into_iter().flatten().enumerate() {
            self.rule(rule, &mut list).map_err(|why| format!("rules[{number}]: {why}"))?;
        }
        let default = feature.get("defaultValue").map_or(Given::Off, |value| self.value(value));
        Ok(rules(list, default))
    }

    fn value(&self, value: &Tree) -> Given {
        self.values.variations.given(self.values.index(value))
    }

    fn rule(&mut self, rule: &Tree, list: &mut Vec<(Tree, Given)>) -> Result<(), String> {
        if rule.get("contextualVariations").is_some() || rule.get("contextualBanditRef").is_some() {
            return Err("a contextual bandit has no equivalent".to_owned());
        }
        if rule.get("fallbackAttribute").is_some() || rule.get("minBucketVersion").is_some() {
            self.differences.push(
                "users are not remembered in sticky buckets, and have no fallback attribute".to_owned(),
            );
        }
        let mut all = Vec::new();
        for found in rule.get("parentConditions").and_then(Tree::as_list).unwrap_or_default() {
            let met = parent::condition(found, self.source)?;
            if found.get("gate") == Some(&Tree::Bool(true)) {
                list.push((not(and(all.iter().cloned().chain([met]).collect::<Vec<_>>())), Given::Off));
            } else {
                all.push(met);
            }
        }
        for filter in rule.get("filters").and_then(Tree::as_list).unwrap_or_default() {
            all.push(self.filter(filter)?);
        }
        if let Some(condition) = rule.get("condition") {
            all.push(Conditions::new(self.source).condition(condition)?);
        }
        if let Some(value) = rule.get("force") {
            all.push(self.rollout(rule)?);
            list.push((and(all), self.value(value)));
            return Ok(());
        }
        self.experiment(rule, &all, list)
    }

    /// The share of the users that a value is forced for.
    fn rollout(&self, rule: &Tree) -> Result<Tree, String> {
        let (range, coverage) = (rule.get("range"), rule.get("coverage").and_then(Tree::as_f64));
        if range.is_none() && coverage.is_none() {
            return Ok(always(true));
        }
        let Some(places) = self.places(rule, text_of(rule, "seed").unwrap_or(self.name)) else {
            return Ok(always(false));
        };
        Ok(match (range, coverage) {
            (Some(range), _) => places.within(&[pair(range)?]),
            (None, Some(coverage)) if coverage > 0.0 => places.up_to(coverage),
            _ => always(false),
        })
    }

    fn experiment(&self, rule: &Tree, all: &[Tree], list: &mut Vec<(Tree, Given)>) -> Result<(), String> {
        let variations = rule.get("variations").and_then(Tree::as_list).unwrap_or_default();
        if variations.len() < 2 {
            return Ok(());
        }
        let key = text_of(rule, "key").unwrap_or(self.name);
        let Some(places) = self.places(rule, text_of(rule, "seed").unwrap_or(key)) else { return Ok(()) };
        let mut all = all.to_vec();
        if rule.get("filters").is_none()
            && let Some([Tree::String(id), start, end]) = rule.get("namespace").and_then(Tree::as_list)
        {
            let range = (start.as_f64().unwrap_or_default(), end.as_f64().unwrap_or_default());
            let by = text_of(rule, "hashAttribute");
            let namespace = Places::new(None, &format!("__{id}"), by, self.source.options);
            all.push(namespace.map_or(always(false), |places| places.within(&[range])));
        }
        let meta = rule.get("meta").and_then(Tree::as_list).unwrap_or_default();
        let ranges = match rule.get("ranges") {
            Some(ranges) => pairs(ranges)?,
            None => ranges(rule, variations.len()),
        };
        for (index, (value, range)) in variations.iter().zip(ranges).enumerate() {
            let passes = meta.get(index).and_then(|meta| meta.get("passthrough")) == Some(&Tree::Bool(true));
            if !passes {
                let when = and(all.iter().cloned().chain([places.within(&[range])]).collect::<Vec<_>>());
                list.push((when, self.value(value)));
            }
        }
        Ok(())
    }

    fn filter(&self, filter: &Tree) -> Result<Tree, String> {
        let version = filter.get("hashVersion").cloned().unwrap_or(Tree::Number(2.into()));
        let seed = text_of(filter, "seed").unwrap_or_default();
        let places = Places::new(Some(&version), seed, text_of(filter, "attribute"), self.source.options);
        let ranges = pairs(filter.get("ranges").unwrap_or(&Tree::Null))?;
        Ok(places.map_or(always(false), |places| places.within(&ranges)))
    }

    fn places(&self, rule: &Tree, seed: &str) -> Option<Places> {
        Places::new(rule.get("hashVersion"), seed, text_of(rule, "hashAttribute"), self.source.options)
    }
}

fn text_of<'a>(of: &'a Tree, field: &str) -> Option<&'a str> {
    of.get(field).and_then(Tree::as_str).filter(|text| !text.is_empty())
}

/// The ranges of variations by their weights, of which the coverage is used.
fn ranges(rule: &Tree, count: usize) -> Vec<(f64, f64)> {
    let coverage = rule.get("coverage").and_then(Tree::as_f64).unwrap_or(1.0).clamp(0.0, 1.0);
    let weights = rule.get("weights").and_then(Tree::as_list).unwrap_or_default();
    let weights: Vec<f64> = weights.iter().filter_map(Tree::as_f64).collect();
    let sum: f64 = weights.iter().sum();
    // Invalid weights count as equal ones.
    let is_valid = weights.len() == count && (0.99..=1.01).contains(&sum);
    #[expect(clippy::cast_precision_loss, reason = "a number of variations")]
    let weights = if is_valid { weights } else { vec![1.0 / count as f64; count] };
    let mut start = 0.0;
    let range = |weight: f64| {
        let found = (start, start + coverage * weight);
        start += weight;
        found
    };
    weights.into_iter().map(range).collect()
}
