//! One feature: what it depends on, its strategies, its variants.

use std::collections::BTreeMap;

use novi::rows::ValueType;
use novi_files::{Flag, Tree};

use super::{Feature, Segment, list};
use crate::{
    collector::{Collector, Draft},
    config::{always, and, fields, inline, not, or, text, texts},
};

/// Translates one feature.
#[derive(Debug)]
pub(super) struct Translation<'a> {
    pub(super) feature: &'a Feature<'a>,
    pub(super) differences: Vec<String>,
    features: &'a BTreeMap<&'a str, &'a Feature<'a>>,
    segments: &'a BTreeMap<i64, Segment<'a>>,
}

impl<'a> Translation<'a> {
    pub(super) fn new(
        feature: &'a Feature<'a>,
        features: &'a BTreeMap<&'a str, &'a Feature<'a>>,
        segments: &'a BTreeMap<i64, Segment<'a>>,
    ) -> Self {
        Self { feature, differences: feature.differences.clone(), features, segments }
    }

    pub(super) fn draft(mut self, collector: &mut Collector) -> Result<Draft, String> {
        let feature = self.feature;
        let mut flag = Flag {
            status: Some(feature.is_enabled.clone()?),
            description: feature.description.map(str::to_owned),
            tags: feature.tags.clone(),
            ..Flag::default()
        };
        self.payloads(&mut flag);
        let parts = [
            ("dependencies", self.dependencies()?),
            ("strategies", self.strategies()?),
            ("variants", self.variants()?),
        ];
        for (what, activation) in parts {
            let Some(activation) = activation.filter(|activation| *activation != always(true)) else {
                continue;
            };
            flag.activations.push(collector.activation(feature.name, what, activation));
        }
        Ok(Draft { flag, differences: self.differences })
    }

    /// Notes a difference, once.
    pub(super) fn differs(&mut self, how: impl Into<String>) {
        let how = how.into();
        if !self.differences.contains(&how) {
            self.differences.push(how);
        }
    }

    pub(super) fn segment(&self, id: i64) -> Option<&'a Segment<'a>> {
        self.segments.get(&id)
    }

    /// The payloads of variants, which are strings, as their values.
    fn payloads(&mut self, flag: &mut Flag) {
        let mut values: BTreeMap<&str, &Tree> = BTreeMap::new();
        for variant in all_variants(self.feature) {
            let Some(name) = variant.get("name").and_then(Tree::as_str) else { continue };
            let value =
                variant.get("payload").and_then(|payload| payload.get("value")).unwrap_or(&Tree::Null);
            if *values.entry(name).or_insert(value) != value {
                self.differs(format!("the variant {name:?} has several payloads; the first is kept"));
            }
        }
        if values.values().all(|value| **value == Tree::Null) {
            return;
        }
        let are_strings = values.values().all(|value| value.as_str().is_some());
        flag.value_type = Some(if are_strings { ValueType::String } else { ValueType::Any });
        flag.variants = Some(fields(values.into_iter().map(|(name, value)| (name, value.clone()))));
    }

    fn dependencies(&self) -> Result<Option<Tree>, String> {
        if self.feature.dependencies.is_empty() {
            return Ok(None);
        }
        let conditions: Result<Vec<_>, _> =
            self.feature.dependencies.iter().map(|dependency| self.dependency(dependency)).collect();
        conditions.map(and).map(Some)
    }

    fn dependency(&self, dependency: &Tree) -> Result<Tree, String> {
        let parent = dependency.get("feature").and_then(Tree::as_str);
        let parent = parent.ok_or("dependencies: expected the name of a feature")?;
        // Unleash supports one level: a dependency of a dependency is off, and so is one that does not exist.
        let found = self.features.get(parent).filter(|found| found.dependencies.is_empty());
        let Some(found) = found else { return Ok(always(false)) };
        let has_variant =
            |names: Tree| inline("novi.flag", fields([("flag", text(parent)), ("variant", names)]));
        let is_on = inline("novi.flag", fields([("flag", text(parent))]));
        let wanted: Vec<&str> = list(dependency, "variants").iter().filter_map(Tree::as_str).collect();
        let met = if wanted.is_empty() {
            is_on
        } else if wanted.contains(&"disabled") {
            // It stands for no variant, also of a parent that is off.
            let names: Vec<&str> = all_variants(found)
                .filter_map(|variant| variant.get("name").and_then(Tree::as_str))
                .collect();
            let none = if names.is_empty() { always(true) } else { not(has_variant(texts(names))) };
            or([has_variant(texts(wanted)), and([is_on, none])])
        } else {
            has_variant(texts(wanted))
        };
        let is_inverted = dependency.get("enabled") == Some(&Tree::Bool(false));
        Ok(if is_inverted { not(met) } else { met })
    }
}

/// All variants of a feature and of its strategies.
fn all_variants<'a>(feature: &'a Feature<'a>) -> impl Iterator<Item = &'a Tree> {
    let of_strategies = feature.strategies.iter().flat_map(|strategy| list(strategy, "variants"));
    of_strategies.chain(feature.variants)
}
