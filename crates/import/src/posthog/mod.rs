//! PostHog: the definitions that its server SDKs fetch (`/api/feature_flag/local_evaluation`).
//!
//! Callers have the properties of the person as attributes, and its distinct id as `targetingKey`; groups are objects by
//! the name of their type: `organization.key`, `organization.plan`.

mod flag;
mod property;

use std::collections::BTreeMap;

use novi_files::Tree;

use self::flag::Translation;
use crate::{
    collector::{Collector, Imported},
    error::{ImportError, parse_json},
    options::Options,
    read::{list, string},
};

/// What conditions refer to.
#[derive(Debug)]
struct Source<'a> {
    flags: BTreeMap<&'a str, &'a Tree>,
    cohorts: Option<&'a Tree>,
    group_types: Option<&'a Tree>,
    /// Values that read as booleans are compared as such.
    has_truth: bool,
    options: &'a Options,
}

/// Reads definitions.
///
/// # Errors
/// If the text is not JSON, or has no `flags`.
pub fn read(source: &str, options: &Options) -> Result<Imported, ImportError> {
    let tree = parse_json(source)?;
    let flags = tree.get("flags").and_then(Tree::as_list).ok_or_else(|| {
        ImportError::new("flags: expected a list, as /api/feature_flag/local_evaluation returns it")
    })?;
    let mut source = Source {
        flags: BTreeMap::new(),
        cohorts: tree.get("cohorts"),
        group_types: tree.get("group_type_mapping"),
        has_truth: tree
            .get("property_matching_version")
            .and_then(Tree::as_f64)
            .is_none_or(|version| version < 2.0),
        options,
    };
    for (index, flag) in flags.iter().enumerate() {
        let name = flag.get("key").and_then(Tree::as_str);
        let name = name.ok_or_else(|| ImportError::new(format!("flags[{index}].key: expected a string")))?;
        source.flags.insert(name, flag);
    }
    let mut collector = Collector::default();
    for (name, flag) in &source.flags {
        let draft = Translation::new(name, flag, &source).draft(&mut collector);
        collector.add(format!("flags.{name}"), name, draft);
    }
    Ok(collector.finish())
}
