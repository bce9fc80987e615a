//! Unleash: what its clients fetch (`/api/client/features`), exports of its admin interface, and its tables.
//!
//! Callers have the attributes of Unleash's context: `userId`, `sessionId`, `remoteAddress`, `environment`, `appName`,
//! and its properties under their names.

mod constraint;
mod export;
mod feature;
mod strategy;
mod tables;
mod variant;

use std::collections::BTreeMap;

use novi_files::Tree;

use self::feature::Translation;
pub use self::tables::TABLES;
use crate::{
    collector::{Collector, Imported},
    error::{ImportError, parse_json},
    options::Options,
    read::list,
    switch::is_true,
    table::Tables,
};

/// What a source has, whichever of the two forms it is in.
#[derive(Debug, Default)]
struct State<'a> {
    features: Vec<Feature<'a>>,
    segments: BTreeMap<i64, Segment<'a>>,
}

/// A feature in the environment that is imported.
#[derive(Debug)]
struct Feature<'a> {
    name: &'a str,
    /// Whether it is on, or why that is unknown.
    is_enabled: Result<bool, String>,
    description: Option<&'a str>,
    strategies: Vec<&'a Tree>,
    variants: &'a [Tree],
    dependencies: &'a [Tree],
    tags: Vec<String>,
    /// What the source does not say of it.
    differences: Vec<String>,
}

/// Constraints that strategies share.
#[derive(Debug)]
struct Segment<'a> {
    name: &'a str,
    /// `None` if the source has only its name.
    constraints: Option<&'a [Tree]>,
}

/// Reads what clients fetch, or an export.
///
/// # Errors
/// If the text is not JSON, has no `features`, or has several environments of which none is chosen.
pub fn read(source: &str, options: &Options) -> Result<Imported, ImportError> {
    imported(&parse_json(source)?, true, options)
}

/// Reads the rows of [`TABLES`].
///
/// # Errors
/// If there are several environments of which none is chosen.
pub fn read_tables(tables: &Tables, options: &Options) -> Result<Imported, ImportError> {
    imported(&tables::as_export(tables), false, options)
}

fn imported(source: &Tree, is_file: bool, options: &Options) -> Result<Imported, ImportError> {
    let state = if source.get("featureStrategies").is_some() || source.get("featureEnvironments").is_some() {
        export::state(source, options, is_file)?
    } else {
        client_state(source)?
    };
    let mut collector = Collector::default();
    let names: BTreeMap<&str, &Feature<'_>> =
        state.features.iter().map(|feature| (feature.name, feature)).collect();
    for feature in &state.features {
        let draft = Translation::new(feature, &names, &state.segments).draft(&mut collector);
        collector.add(format!("features.{}", feature.name), feature.name, draft);
    }
    Ok(collector.finish())
}

/// What clients fetch.
fn client_state(source: &Tree) -> Result<State<'_>, ImportError> {
    let mut state = State { segments: segments(source), ..State::default() };
    for (index, feature) in features(source)?.iter().enumerate() {
        let text = |field: &str| feature.get(field).and_then(Tree::as_str);
        let name = text("name").ok_or_else(|| missing_name(index))?;
        let (strategies, is_off) = enabled(list(feature, "strategies").iter());
        state.features.push(Feature {
            name,
            is_enabled: is_true(feature, "enabled").map(|is_enabled| is_enabled && !is_off),
            description: text("description").filter(|text| !text.is_empty()),
            strategies,
            variants: list(feature, "variants"),
            dependencies: list(feature, "dependencies"),
            tags: Vec::new(),
            differences: Vec::new(),
        });
    }
    Ok(state)
}

/// The strategies that are not disabled, and whether the feature is off since all of them are.
fn enabled<'a>(strategies: impl Iterator<Item = &'a Tree>) -> (Vec<&'a Tree>, bool) {
    let mut left: Vec<&Tree> = strategies.collect();
    let has_any = !left.is_empty();
    left.retain(|strategy| strategy.get("disabled") != Some(&Tree::Bool(true)));
    let is_off = has_any && left.is_empty();
    (left, is_off)
}

fn features(source: &Tree) -> Result<&[Tree], ImportError> {
    source.get("features").and_then(Tree::as_list).ok_or_else(|| {
        ImportError::new(
            "features: expected a list of features, as /api/client/features returns it, or an export of Unleash",
        )
    })
}

fn missing_name(index: usize) -> ImportError {
    ImportError::new(format!("features[{index}].name: expected a string"))
}

/// The segments of a source, with their constraints if it has them.
fn segments(source: &Tree) -> BTreeMap<i64, Segment<'_>> {
    let mut found = BTreeMap::new();
    for segment in list(source, "segments") {
        if let Some(Tree::Number(id)) = segment.get("id")
            && let Some(id) = id.as_i64()
        {
            let name = segment.get("name").and_then(Tree::as_str).unwrap_or_default();
            let constraints = segment.get("constraints").and_then(Tree::as_list);
            found.insert(id, Segment { name, constraints });
        }
    }
    found
}
