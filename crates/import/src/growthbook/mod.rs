//! GrowthBook: the features that its SDKs fetch (`/api/features/KEY`).
//!
//! Callers have the attributes of GrowthBook's users; `id` is the attribute that identifies them.

mod condition;
mod hash;
mod parent;
mod rule;

use std::collections::HashMap;

use novi_files::{Flag, Tree};

use self::rule::Translation;
use crate::{
    collector::{Collector, Draft, Imported},
    error::{ImportError, parse_json},
    options::Options,
    switch::object,
    variations::{Variations, assign},
};

/// What conditions and rules refer to.
#[derive(Debug)]
struct Source<'a> {
    features: &'a Tree,
    saved_groups: Option<&'a Tree>,
    options: &'a Options,
}

/// Reads features.
///
/// # Errors
/// If the text is not JSON, or has no `features`.
pub fn read(source: &str, options: &Options) -> Result<Imported, ImportError> {
    let tree = parse_json(source)?;
    let features = tree.get("features").filter(|features| features.as_fields().is_some());
    let features = features.ok_or_else(|| {
        ImportError::new(
            "features: expected an object, as /api/features returns it; encrypted features are not read",
        )
    })?;
    let source = Source { features, saved_groups: tree.get("savedGroups"), options };
    let mut collector = Collector::default();
    for (name, feature) in features.as_fields().unwrap_or_default() {
        let draft = draft(name, feature, &source, &mut collector);
        collector.add(format!("features.{name}"), name, draft);
    }
    Ok(collector.finish())
}

fn draft(
    name: &str,
    feature: &Tree,
    source: &Source<'_>,
    collector: &mut Collector,
) -> Result<Draft, String> {
    object(feature)?;
    let values = Values::of(feature);
    let mut translation = Translation::new(name, &values, source);
    let given = translation.given(feature)?;
    let differences = translation.differences;
    let mut flag = Flag { status: Some(true), ..Flag::default() };
    assign(given, name, "rules", collector, &mut flag);
    values.variations.write(&mut flag);
    Ok(Draft { flag, differences })
}

/// All values that a feature can have.
#[derive(Debug)]
struct Values {
    list: Vec<Tree>,
    /// The number of each, by its JSON.
    numbers: HashMap<String, usize>,
    variations: Variations,
}

impl Values {
    fn of(feature: &Tree) -> Self {
        let rules = feature.get("rules").and_then(Tree::as_list).unwrap_or_default();
        let of_rules = rules.iter().flat_map(|rule| {
            let variations = rule.get("variations").and_then(Tree::as_list).unwrap_or_default();
            rule.get("force").into_iter().chain(variations)
        });
        let (mut list, mut numbers) = (Vec::new(), HashMap::new());
        for value in feature.get("defaultValue").into_iter().chain(of_rules) {
            let json = value.to_json();
            if *value != Tree::Null && !numbers.contains_key(&json) {
                numbers.insert(json, list.len());
                list.push(value.clone());
            }
        }
        let variations = Variations::new(list.iter().map(|value| (None, value)));
        Self { list, numbers, variations }
    }

    /// The number of a value. `null` has none.
    fn index(&self, value: &Tree) -> usize {
        self.numbers.get(&value.to_json()).copied().unwrap_or(usize::MAX)
    }
}

/// The attribute of a user.
fn attribute_name<'a>(name: &'a str, options: &'a Options) -> &'a str {
    if name == "id" { &options.by } else { name }
}
