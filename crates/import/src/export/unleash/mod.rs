//! Unleash: the JSON that its admin interface imports and exports, with one environment.
//!
//! Each alternative of a flag is a strategy. Activations for several flags that are one list of constraints are
//! segments. Callers have their targeting key as `userId`.

mod alternatives;
mod constraint;
mod strategy;

use std::collections::{BTreeMap, BTreeSet};

use novi::{activation::Registry, rows::FlagRow, snapshot::Snapshot};
use novi_files::{Flag, Tree};

use self::{
    alternatives::{Alternatives, Literal},
    strategy::Strategies,
};
use super::source::{Exported, Source, Written};
use crate::config::{DEFAULT_KEY, fields, text};

/// The project that features are in.
const PROJECT: &str = "default";

/// The attribute of Unleash's callers that identifies them.
const USER: &str = "userId";

/// Writes the flags of a snapshot for an environment.
#[must_use]
pub fn write(snapshot: &Snapshot, registry: &Registry, environment: &str) -> Exported {
    let source = Source::of(snapshot, registry);
    let mut segments = Segments::default();
    let mut contexts = BTreeSet::new();
    let mut strategies = Vec::new();
    let (states, report) = source.write("Unleash", &["description", "tags"], |flag, row| {
        let Written { value, differences } =
            feature(flag, row, &source, environment, &mut segments, &mut contexts)?;
        strategies.push(value);
        let state = [
            ("featureName", text(&row.name)),
            ("environment", text(environment)),
            ("enabled", Tree::Bool(row.status)),
            ("variants", Tree::List(Vec::new())),
        ];
        Ok(Written { value: fields(state), differences })
    });
    let written: Vec<(&String, &Flag)> =
        states.iter().filter_map(|(name, _)| source.document.flags.get_key_value(name)).collect();
    let features = written.iter().map(|(name, flag)| {
        fields([
            ("name", text(*name)),
            ("description", text(flag.description.clone().unwrap_or_default())),
            ("type", text("release")),
            ("project", text(PROJECT)),
            ("stale", Tree::Bool(false)),
            ("impressionData", Tree::Bool(false)),
            ("archived", Tree::Bool(false)),
        ])
    });
    let tags = written.iter().flat_map(|(name, flag)| {
        flag.tags.iter().map(|tag| {
            fields([("featureName", text(*name)), ("tagType", text("simple")), ("tagValue", text(tag))])
        })
    });
    let context = |name: &String| fields([("name", text(name)), ("stickiness", Tree::Bool(true))]);
    let strategies = strategies.iter().filter_map(Tree::as_list).flatten().cloned();
    let document = fields(
        [
            ("features", features.collect::<Vec<_>>()),
            ("featureStrategies", strategies.collect()),
            ("featureEnvironments", states.iter().map(|(_, state)| state.clone()).collect()),
            ("contextFields", contexts.iter().map(context).collect()),
            ("featureTags", tags.collect()),
            ("segments", segments.written),
            ("tagTypes", Vec::new()),
            ("dependencies", Vec::new()),
        ]
        .map(|(name, list)| (name, Tree::List(list))),
    );
    Exported { document, report }
}

/// The strategies of a flag.
fn feature(
    flag: &Flag,
    row: &FlagRow,
    source: &Source,
    environment: &str,
    segments: &mut Segments,
    contexts: &mut BTreeSet<String>,
) -> Result<Written, String> {
    let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_.~".contains(letter);
    if !row.name.chars().all(is_allowed) {
        return Err("Unleash's names have only letters, digits and - _ . ~: rename it".to_owned());
    }
    let drafted = source.draft(flag, row, true)?;
    let alternatives = Alternatives::of(&drafted.node, source)?;
    let mut differences = BTreeSet::new();
    let mut strategies = Strategies {
        flag: &row.name,
        environment,
        variants: if drafted.has_values { &drafted.variants } else { &[] },
        segments,
        contexts,
        differences: &mut differences,
    };
    let list = strategies.write(&alternatives)?;
    Ok(Written { value: Tree::List(list), differences })
}

/// The name of an attribute in Unleash.
fn attribute(name: &str) -> &str {
    if name == DEFAULT_KEY { USER } else { name }
}

/// Constraints that flags share.
#[derive(Debug, Default)]
struct Segments {
    ids: BTreeMap<String, i64>,
    written: Vec<Tree>,
}

impl Segments {
    /// The id of a segment, which is added if it is new.
    fn id(
        &mut self,
        name: &str,
        constraints: impl FnOnce() -> Result<Vec<Tree>, String>,
    ) -> Result<i64, String> {
        if let Some(id) = self.ids.get(name) {
            return Ok(*id);
        }
        let constraints = constraints()?;
        let id = i64::try_from(self.ids.len()).map_or(i64::MAX, |count| count.saturating_add(1));
        self.ids.insert(name.to_owned(), id);
        self.written.push(fields([
            ("id", Tree::Number(id.into())),
            ("name", text(name)),
            ("constraints", Tree::List(constraints)),
        ]));
        Ok(id)
    }
}

/// Whether a literal is a constraint.
fn is_constraint(literal: &Literal) -> bool {
    matches!(literal, Literal::Test { .. })
}
