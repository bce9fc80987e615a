//! Exports of the admin interface, which have a list for each kind of thing.

use std::collections::{BTreeMap, BTreeSet};

use novi_files::Tree;

use super::{Feature, State, enabled, features, list, missing_name, segments};
use crate::{error::ImportError, options::Options, switch::is_true};

/// A file in which every feature is on. In exports of the open-source edition, `enabled` is that of the environment.
const UNKNOWN_STATE: &str = "it is off: exports of the open-source edition say of every feature that it is on; enable \
                             it if it was, or import what /api/client/features returns";

/// The state of one environment of an export.
pub(super) fn state<'a>(
    source: &'a Tree,
    options: &Options,
    is_file: bool,
) -> Result<State<'a>, ImportError> {
    let environment = environment(source, options)?;
    let is_on = |item: &Tree| item.get("enabled") == Some(&Tree::Bool(true));
    let states = list(source, "featureEnvironments");
    let is_state_unknown = is_file && !states.is_empty() && states.iter().all(is_on);
    let is_here = |item: &Tree| {
        let of = item.get("environment").and_then(Tree::as_str);
        of.is_none_or(|name| environment.is_none_or(|wanted| wanted == name))
    };
    let by_name = |field: &str| {
        let mut found: BTreeMap<&str, Vec<&Tree>> = BTreeMap::new();
        for item in list(source, field).iter().filter(|item| is_here(item)) {
            // `dependencies` have another name for it.
            let name = item.get("featureName").or_else(|| item.get("feature")).and_then(Tree::as_str);
            if let Some(name) = name {
                found.entry(name).or_default().push(item);
            }
        }
        found
    };
    let (strategies, environments) = (by_name("featureStrategies"), by_name("featureEnvironments"));
    let (tags, dependencies) = (by_name("featureTags"), by_name("dependencies"));
    let mut state = State { segments: segments(source), ..State::default() };
    for (index, feature) in features(source)?.iter().enumerate() {
        let text = |field: &str| feature.get(field).and_then(Tree::as_str).filter(|text| !text.is_empty());
        let name = text("name").ok_or_else(|| missing_name(index))?;
        let here = environments.get(name).and_then(|list| list.first());
        let all = strategies.get(name).into_iter().flatten().copied();
        let has_order = all.clone().all(|strategy| strategy.get("sortOrder").is_some());
        let (mut own, is_off) = enabled(all);
        let order = |strategy: &Tree| strategy.get("sortOrder").and_then(Tree::as_f64).unwrap_or_default();
        own.sort_by(|a, b| order(a).total_cmp(&order(b)));
        let mut is_enabled = here.map_or(Ok(false), |here| is_true(here, "enabled"));
        let mut differences = Vec::new();
        if is_state_unknown && is_enabled == Ok(true) {
            is_enabled = Ok(false);
            differences.push(UNKNOWN_STATE.to_owned());
        }
        if !has_order && own.len() > 1 && own.iter().any(|strategy| !list(strategy, "variants").is_empty()) {
            differences
                .push("the source lacks the order of strategies, which decides the variant".to_owned());
        }
        let tag = |tag: &&Tree| {
            let value = tag.get("tagValue").and_then(Tree::as_str)?;
            let kind = tag.get("tagType").and_then(Tree::as_str).filter(|kind| *kind != "simple");
            Some(kind.map_or_else(|| value.to_owned(), |kind| format!("{kind}:{value}")))
        };
        state.features.push(Feature {
            name,
            is_enabled: is_enabled.map(|is_enabled| is_enabled && !is_off),
            description: text("description"),
            strategies: own,
            variants: here.map_or(&[], |here| list(here, "variants")),
            dependencies: dependencies
                .get(name)
                .and_then(|found| found.first())
                .map_or(&[], |found| list(found, "dependencies")),
            tags: tags.get(name).into_iter().flatten().filter_map(tag).collect(),
            differences,
        });
    }
    Ok(state)
}

/// The environment to import: the only one, or the one that was chosen.
fn environment<'a>(source: &'a Tree, options: &Options) -> Result<Option<&'a str>, ImportError> {
    let items = list(source, "featureEnvironments").iter().chain(list(source, "featureStrategies"));
    let names: BTreeSet<&str> =
        items.filter_map(|item| item.get("environment").and_then(Tree::as_str)).collect();
    let all = || names.iter().copied().collect::<Vec<_>>().join(", ");
    match &options.environment {
        Some(wanted) => match names.get(wanted.as_str()) {
            Some(name) => Ok(Some(name)),
            None => Err(ImportError::new(format!("the source has no environment {wanted:?}, but {}", all()))),
        },
        None if names.len() > 1 => Err(ImportError::new(format!(
            "the source has several environments: choose one with --environment: {}",
            all()
        ))),
        None => Ok(names.first().copied()),
    }
}
