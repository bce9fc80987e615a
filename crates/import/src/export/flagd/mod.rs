//! flagd: flag definitions in JSON.
//!
//! A flag without variants is a boolean flag with the variants `on` and `off`. Activations for several flags are
//! `$evaluators`.

mod rule;
mod test;

use std::collections::BTreeSet;

use novi::{activation::Registry, rows::FlagRow, snapshot::Snapshot};
use novi_files::{Flag, Tree};

use self::rule::{Evaluators, Rules};
use super::{
    condition::{Give, Node},
    source::{Drafted, Exported, Source, Written},
};
use crate::config::{fields, text};

/// The schema of definitions, for editors.
const SCHEMA: &str = "https://flagd.dev/schema/v0/flags.json";

const ON: &str = "on";
const OFF: &str = "off";

/// Writes the flags of a snapshot.
#[must_use]
pub fn write(snapshot: &Snapshot, registry: &Registry) -> Exported {
    let source = Source::of(snapshot, registry);
    let mut evaluators = Evaluators::new(&source);
    let (flags, report) = source.write("flagd", &["description", "metadata"], |flag, row| {
        definition(flag, row, &source, &mut evaluators)
    });
    let mut document = vec![("$schema".to_owned(), text(SCHEMA)), ("flags".to_owned(), Tree::Fields(flags))];
    let evaluators = evaluators.into_used(&document);
    if !evaluators.is_empty() {
        document.push(("$evaluators".to_owned(), Tree::Fields(evaluators)));
    }
    Exported { document: Tree::Fields(document), report }
}

fn definition(
    flag: &Flag,
    row: &FlagRow,
    source: &Source,
    evaluators: &mut Evaluators<'_>,
) -> Result<Written, String> {
    let drafted = source.draft(flag, row, true)?;
    let mut differences = BTreeSet::new();
    let variants = Variants::of(&drafted, &mut differences)?;
    let (default, rule) = default_of(&drafted.node, &variants);
    let mut rules = Rules { evaluators, variants: &variants, differences: &mut differences };
    let targeting = rule.map(|node| rules.node(node)).transpose()?;
    if !row.status {
        differences.insert("flagd leaves the value of a disabled flag to the program".to_owned());
    }
    let state = if row.status { "ENABLED" } else { "DISABLED" };
    let mut definition = vec![("state", text(state))];
    definition.extend(flag.description.as_ref().map(|description| ("description", text(description))));
    definition.push(("variants", Tree::Fields(variants.values.clone())));
    definition.extend(default.map(|name| ("defaultVariant", text(name))));
    definition.extend(targeting.map(|rule| ("targeting", rule)));
    definition.extend(
        flag.metadata.clone().filter(|tree| tree.as_fields().is_some()).map(|tree| ("metadata", tree)),
    );
    Ok(Written { value: fields(definition), differences })
}

/// The variants of a definition.
pub(super) struct Variants {
    values: Vec<(String, Tree)>,
    /// The variant of callers who are on without one; `None` leaves the value to the program.
    on: Option<String>,
    off: Option<String>,
}

impl Variants {
    fn of(drafted: &Drafted, differences: &mut BTreeSet<String>) -> Result<Self, String> {
        let Drafted { node, variants, .. } = drafted;
        if variants.is_empty() {
            let values = vec![(ON.to_owned(), Tree::Bool(true)), (OFF.to_owned(), Tree::Bool(false))];
            return Ok(Self { values, on: Some(ON.to_owned()), off: Some(OFF.to_owned()) });
        }
        if !drafted.has_values {
            let mut values: Vec<_> =
                variants.iter().map(|(name, _)| (name.clone(), Tree::Bool(true))).collect();
            let mut free = |name: &str, value: bool| {
                let is_free = variants.iter().all(|(known, _)| known != name);
                is_free.then(|| values.push((name.to_owned(), Tree::Bool(value))));
                is_free.then(|| name.to_owned())
            };
            let on = if node.is_on_without_variant() { free(ON, true) } else { None };
            let off = free(OFF, false);
            if off.is_none() {
                return Err(format!("a variant is named {OFF:?}, which flagd needs for callers who are off"));
            }
            return Ok(Self { values, on, off });
        }
        if let Some((name, _)) = variants.iter().find(|(_, value)| value.is_none()) {
            return Err(format!("the variant {name:?} has no value of the flag's type"));
        }
        let values: Vec<_> =
            variants.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?))).collect();
        let kind = |value: &Tree| match value {
            Tree::Null => 0,
            Tree::Bool(_) => 1,
            Tree::Number(_) => 2,
            Tree::String(_) => 3,
            Tree::List(_) => 4,
            Tree::Fields(_) => 5,
        };
        let kinds: BTreeSet<u8> = values.iter().map(|(_, value)| kind(value)).collect();
        if kinds.len() > 1 || kinds.iter().any(|kind| matches!(kind, 0 | 4)) {
            return Err("flagd needs variants of one type: booleans, numbers, strings or objects".to_owned());
        }
        if node.is_on_without_variant() {
            differences.insert(
                "flagd leaves the value to the program where the flag is on without a variant".to_owned(),
            );
        }
        Ok(Self { values, on: None, off: None })
    }

    /// The variant that is given; `None` leaves the value to the program.
    fn given<'a>(&'a self, give: &'a Give) -> Option<&'a str> {
        match give {
            Give::Off => self.off.as_deref(),
            Give::On => self.on.as_deref(),
            Give::Variant(name) => Some(name),
            Give::Draw(_) => None,
        }
    }
}

/// The default variant, and the rule of the others.
fn default_of<'n>(node: &'n Node, variants: &'n Variants) -> (Option<&'n str>, Option<&'n Node>) {
    match node {
        Node::Give(give @ (Give::Off | Give::On | Give::Variant(_))) => (variants.given(give), None),
        node => (variants.off.as_deref(), Some(node)),
    }
}
