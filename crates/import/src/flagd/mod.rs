//! flagd: flag definitions in JSON.
//!
//! A boolean flag becomes a flag without variants, which is on where flagd returns `true`. Other flags keep their
//! variants and values.

mod condition;
mod fractional;
mod targeting;

use std::collections::{HashMap, HashSet};

use novi_files::{Flag, Tree};

use self::targeting::Targeting;
use crate::{
    collector::{Collector, Draft, Imported},
    config::Given,
    error::{ImportError, parse_json},
    options::Options,
    report::Outcome,
    variations::{assign, type_of},
};

/// Reads a flag definition of flagd.
///
/// # Errors
/// If the text is not JSON, or has no `flags`.
pub fn read(source: &str, _: &Options) -> Result<Imported, ImportError> {
    let source = parse_json(source)?;
    let mut collector = Collector::default();
    let no_evaluators = Tree::Fields(Vec::new());
    let evaluators = source.get("$evaluators").unwrap_or(&no_evaluators);
    let shared = source.get("metadata");
    for (path, name, flag) in flags(&source)? {
        let draft = draft(&mut collector, name, flag, evaluators, shared);
        collector.add(path, name, draft);
    }
    Ok(collector.finish())
}

/// The places, names and definitions of all flags, which are in an object or in a list.
fn flags(source: &Tree) -> Result<Vec<(String, &str, &Tree)>, ImportError> {
    match source.get("flags") {
        Some(Tree::Fields(fields)) => {
            Ok(fields.iter().map(|(name, flag)| (format!("flags.{name}"), name.as_str(), flag)).collect())
        }
        Some(Tree::List(items)) => {
            let flag = |(index, flag)| {
                let flag: &Tree = flag;
                let name = flag.get("key").and_then(Tree::as_str);
                let missing = || ImportError::new(format!("flags[{index}].key: expected a string"));
                name.map(|name| (format!("flags.{name}"), name, flag)).ok_or_else(missing)
            };
            items.iter().enumerate().map(flag).collect()
        }
        _ => Err(ImportError::new("flags: expected an object of flags, as flagd's definitions have it")),
    }
}

fn draft(
    collector: &mut Collector,
    name: &str,
    source: &Tree,
    evaluators: &Tree,
    shared: Option<&Tree>,
) -> Result<Draft, String> {
    let is_enabled = match source.get("state").and_then(Tree::as_str) {
        Some("ENABLED") => true,
        Some("DISABLED") => false,
        _ => return Err("state: expected \"ENABLED\" or \"DISABLED\"".to_owned()),
    };
    let variants = Variants::read(source)?;
    let default = match source.get("defaultVariant") {
        None | Some(Tree::Null) => None,
        Some(Tree::String(name)) => Some(name.as_str()).filter(|name| !name.is_empty()),
        Some(_) => return Err("defaultVariant: expected the name of a variant".to_owned()),
    };
    if let Some(default) = default.filter(|default| !variants.has(default)) {
        return Err(format!("defaultVariant: the flag has no variant {default:?}"));
    }
    let mut targeting = Targeting::new(name, &variants, default, evaluators);
    let given = match source.get("targeting") {
        None | Some(Tree::Null) => targeting.default_variant(),
        Some(Tree::Fields(fields)) if fields.is_empty() => targeting.default_variant(),
        Some(rule) => targeting.result(rule).map_err(|why| format!("targeting: {why}"))?,
    };
    let mut differences = targeting.differences;
    if !is_enabled {
        differences.push(
            "flagd leaves the value of a disabled flag to the program; here, the flag is off".to_owned(),
        );
    } else if variants.is_boolean && default.is_none() {
        differences.push("where flagd leaves the value to the program, the flag is off".to_owned());
    }
    let mut flag = Flag { status: Some(is_enabled), ..Flag::default() };
    flag.description = source.get("description").and_then(Tree::as_str).map(str::to_owned);
    variants.write(&mut flag);
    flag.metadata = metadata(collector, name, source.get("metadata"), shared);
    assign(given, name, "targeting", collector, &mut flag);
    Ok(Draft { flag, differences })
}

/// What clients get with a decision: that of the flag, over that of the whole file.
fn metadata(
    collector: &mut Collector,
    name: &str,
    own: Option<&Tree>,
    shared: Option<&Tree>,
) -> Option<Tree> {
    let mut fields: Vec<(String, Tree)> = Vec::new();
    let mut known = HashSet::new();
    for (key, value) in [own, shared].into_iter().flatten().filter_map(Tree::as_fields).flatten() {
        if !known.insert(key) {
            continue;
        }
        if matches!(value, Tree::String(_) | Tree::Bool(_) | Tree::Number(_)) {
            fields.push((key.clone(), value.clone()));
        } else {
            let why = "metadata are strings, numbers and booleans".to_owned();
            collector.note(format!("flags.{name}.metadata.{key}"), None, Outcome::NotMapped { why });
        }
    }
    (!fields.is_empty()).then_some(Tree::Fields(fields))
}

/// The variants of a flag.
#[derive(Debug)]
struct Variants<'a> {
    fields: &'a [(String, Tree)],
    by_name: HashMap<&'a str, &'a Tree>,
    /// All values are `true` or `false`.
    is_boolean: bool,
    /// Several variants are `true`, so that their names matter.
    has_names: bool,
}

impl<'a> Variants<'a> {
    fn read(source: &'a Tree) -> Result<Self, String> {
        let fields = source.get("variants").and_then(Tree::as_fields).filter(|fields| !fields.is_empty());
        let fields = fields.ok_or("variants: expected an object with at least one variant")?;
        let is_boolean = fields.iter().all(|(_, value)| value.as_bool().is_some());
        let on = fields.iter().filter(|(_, value)| *value == Tree::Bool(true)).count();
        let by_name = fields.iter().map(|(name, value)| (name.as_str(), value)).collect();
        Ok(Self { fields, by_name, is_boolean, has_names: !is_boolean || on > 1 })
    }

    fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// What a variant gives. One that the flag does not have is an error in flagd, and leaves the value to the program.
    fn given(&self, name: &str) -> Given {
        match self.by_name.get(name) {
            None => Given::Off,
            Some(Tree::Bool(false)) if self.is_boolean => Given::Off,
            Some(_) if !self.has_names => Given::On,
            Some(_) => Given::Variant(name.to_owned()),
        }
    }

    fn write(&self, flag: &mut Flag) {
        if !self.has_names {
            return;
        }
        let is_kept = |value: &Tree| !self.is_boolean || *value == Tree::Bool(true);
        let kept = self.fields.iter().filter(|(_, value)| is_kept(value)).cloned();
        flag.variants = Some(Tree::Fields(kept.collect()));
        let values: Vec<Tree> = self.fields.iter().map(|(_, value)| value.clone()).collect();
        flag.value_type = Some(type_of(&values));
    }
}
