//! Flipper: an export in JSON, and the tables of its adapters for ActiveRecord and Sequel.
//!
//! A feature is on if one of its gates is open. Actors are callers by their `flipper_id`, and properties are
//! attributes.

mod expression;
mod gates;
mod property;

use std::collections::BTreeMap;

use novi_files::Tree;

use self::gates::Gates;
use crate::{
    collector::{Collector, Imported},
    error::{ImportError, parse_json},
    options::Options,
    report::Outcome,
    table::{TableSpec, Tables},
};

/// The tables of Flipper's adapters.
pub const TABLES: [TableSpec; 2] = [
    TableSpec::required("flipper_features", &["key"]),
    TableSpec::required("flipper_gates", &["id", "feature_key", "key", "value"]),
];

/// Reads an export: `Flipper.export.contents`.
///
/// # Errors
/// If the text is not JSON, or has no `features`.
pub fn read(source: &str, options: &Options) -> Result<Imported, ImportError> {
    let source = parse_json(source)?;
    let features = source.get("features").and_then(Tree::as_fields);
    let features = features
        .ok_or_else(|| ImportError::new("features: expected an object, as an export of Flipper has it"))?;
    let found = features.iter().map(|(name, gates)| (name.as_str(), Gates::of_export(gates))).collect();
    Ok(imported(found, Collector::default(), options, "features."))
}

/// Reads the rows of [`TABLES`].
#[must_use]
pub fn read_tables(tables: &Tables, options: &Options) -> Imported {
    let mut collector = Collector::default();
    let keys = tables.rows("flipper_features").iter().map(|row| (row.text("key"), Ok(Gates::default())));
    let mut found: BTreeMap<&str, Result<Gates, String>> = keys.collect();
    for row in tables.rows("flipper_gates") {
        let (feature, key, value) = (row.text("feature_key"), row.text("key"), row.text("value"));
        let Some(gates) = found.get_mut(feature) else {
            let why = format!("there is no feature {feature:?}");
            collector.note(format!("flipper_gates#{}", row.text("id")), None, Outcome::NotMapped { why });
            continue;
        };
        if let Ok(all) = gates
            && let Err(why) = all.add(key, value)
        {
            *gates = Err(why);
        }
    }
    imported(found, collector, options, "flipper_features.")
}

fn imported(
    features: BTreeMap<&str, Result<Gates, String>>,
    mut collector: Collector,
    options: &Options,
    place: &str,
) -> Imported {
    let names: Vec<&str> = features.keys().copied().collect();
    for (name, gates) in features {
        let draft = gates.and_then(|gates| gates.draft(name, &names, options, &mut collector));
        collector.add(format!("{place}{name}"), name, draft);
    }
    collector.finish()
}
