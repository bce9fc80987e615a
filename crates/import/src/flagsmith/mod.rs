//! Flagsmith: the document of an environment that its server SDKs fetch (`/api/v1/environment-document/`).
//!
//! Callers have the identifier as `targetingKey` and the traits as attributes. Shares of callers are by the attribute
//! `identity_key`: the key of the environment, an underscore, and the identifier.

mod segment;
mod value;

use std::collections::BTreeMap;

use novi_files::{Flag, Tree};

use self::{segment::Segments, value::Values};
use crate::{
    collector::{Collector, Draft, Imported},
    config::{Given, rules},
    error::{ImportError, parse_json},
    members::Members,
    options::Options,
    read::{list, string},
    variations::assign,
};

/// The attribute that callers are divided by.
const IDENTITY_KEY: &str = "identity_key";

/// States of one feature, for segments and for callers.
#[derive(Debug, Default)]
struct Overrides<'a> {
    callers: Vec<(&'a str, &'a Tree)>,
    /// By priority; the first that matches counts.
    segments: Vec<(f64, &'a Tree, &'a Tree)>,
}

/// Reads the document of an environment.
///
/// # Errors
/// If the text is not JSON, or has no `feature_states`.
pub fn read(source: &str, options: &Options) -> Result<Imported, ImportError> {
    let source = parse_json(source)?;
    let states = source.get("feature_states").and_then(Tree::as_list).ok_or_else(|| {
        ImportError::new("feature_states: expected a list, as /api/v1/environment-document/ returns it")
    })?;
    let overrides = overrides(&source);
    let mut collector = Collector::default();
    let mut segments = Segments::new(options);
    for (index, state) in states.iter().enumerate() {
        let name = name_of(state);
        let name = name.ok_or_else(|| {
            ImportError::new(format!("feature_states[{index}].feature.name: expected a string"))
        })?;
        let none = Overrides::default();
        let own = overrides.get(name).unwrap_or(&none);
        let draft = draft(name, state, own, options, &mut segments, &mut collector);
        collector.add(format!("feature_states.{name}"), name, draft);
    }
    Ok(collector.finish())
}

/// The states of each feature for segments and callers.
fn overrides(source: &Tree) -> BTreeMap<&str, Overrides<'_>> {
    let mut found: BTreeMap<&str, Overrides<'_>> = BTreeMap::new();
    for caller in list(source, "identity_overrides") {
        let identifier = string(caller, "identifier").unwrap_or_default();
        for state in list(caller, "identity_features") {
            let name = name_of(state).unwrap_or_default();
            found.entry(name).or_default().callers.push((identifier, state));
        }
    }
    for segment in source.get("project").map(|project| list(project, "segments")).unwrap_or_default() {
        for state in list(segment, "feature_states") {
            let priority =
                state.get("feature_segment").and_then(|of| of.get("priority")).and_then(Tree::as_f64);
            let place = (priority.unwrap_or(f64::INFINITY), segment, state);
            found.entry(name_of(state).unwrap_or_default()).or_default().segments.push(place);
        }
    }
    for overrides in found.values_mut() {
        overrides.segments.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    found
}

fn draft(
    name: &str,
    state: &Tree,
    overrides: &Overrides<'_>,
    options: &Options,
    segments: &mut Segments<'_>,
    collector: &mut Collector,
) -> Result<Draft, String> {
    let of_callers = overrides.callers.iter().map(|(_, state)| *state);
    let of_segments = overrides.segments.iter().map(|(_, _, state)| *state);
    let mut values = Values::new(of_callers.chain(of_segments).chain([state]));
    let mut found = Vec::new();
    let mut lists: BTreeMap<String, (Given, Vec<String>)> = BTreeMap::new();
    for (identifier, state) in &overrides.callers {
        let given = values.given(state)?;
        let place = lists.entry(given.clone().result().to_json()).or_insert((given, Vec::new()));
        place.1.push((*identifier).to_owned());
    }
    for (number, (given, callers)) in lists.into_values().enumerate() {
        let what = format!("identities {}", number + 1);
        let callers = Members { what: &what, callers, by: &options.by }.reference(name, collector);
        found.push((callers, given));
    }
    for (_, segment, state) in &overrides.segments {
        let when = segments.condition(segment)?;
        found.push((when, values.given(state)?));
    }
    let default = values.given(state)?;
    let mut differences = Vec::new();
    if values.is_divided || segments.is_divided() {
        differences.push(format!(
            "callers are divided by their attribute `{IDENTITY_KEY}`: the key of the environment, `_`, and the identifier"
        ));
    }
    let mut flag = Flag { status: Some(true), ..Flag::default() };
    assign(rules(found, default), name, "rules", collector, &mut flag);
    values.write(&mut flag);
    Ok(Draft { flag, differences })
}

fn name_of(state: &Tree) -> Option<&str> {
    string(state.get("feature")?, "name")
}
