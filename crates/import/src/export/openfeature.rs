//! OpenFeature: the manifest that its command line generates typed accessors from.
//!
//! A manifest has the types, defaults and descriptions of flags, and no rules.

use std::collections::BTreeSet;

use novi::{
    activation::Registry,
    rows::{FlagRow, ValueType},
    snapshot::Snapshot,
};
use novi_files::{Flag, Tree};

use super::{
    condition::{Give, Node},
    source::{Drafted, Exported, Source, Written},
    values::variants,
};
use crate::{
    config::{fields, number, text},
    variations::type_of,
};

/// The schema of manifests, for editors.
const SCHEMA: &str =
    "https://raw.githubusercontent.com/open-feature/cli/refs/heads/main/schema/v0/flag-manifest.json";

/// Writes the flags of a snapshot.
#[must_use]
pub fn write(snapshot: &Snapshot, registry: &Registry) -> Exported {
    let source = Source::of(snapshot, registry);
    let said = ["description", "off_variant"];
    let (flags, report) = source.write("the manifest", &said, |flag, row| entry(flag, row, &source));
    let document = fields([("$schema", text(SCHEMA)), ("flags", Tree::Fields(flags))]);
    Exported { document, report }
}

fn entry(flag: &Flag, row: &FlagRow, source: &Source) -> Result<Written, String> {
    // Rules are not in a manifest: those that cannot be read only hide variants that are not declared.
    let declared = || -> Result<Drafted, String> {
        let node = Node::Give(Give::On);
        let (variants, has_values) = variants(flag, row, &node, &source.registry)?;
        Ok(Drafted { node, variants, has_values })
    };
    let Drafted { variants, has_values, .. } = source.draft(flag, row, false).or_else(|_| declared())?;
    let mut differences = BTreeSet::new();
    let (kind, default) = if has_values {
        of_values(flag, &variants, &mut differences)?
    } else {
        ("boolean", Tree::Bool(false))
    };
    let mut entry = vec![("flagType", text(kind)), ("defaultValue", default)];
    entry.extend(flag.description.as_ref().map(|description| ("description", text(description))));
    Ok(Written { value: fields(entry), differences })
}

/// The type of a flag's values, and the value that a program has while it gets none.
fn of_values(
    flag: &Flag,
    variants: &[(String, Option<Tree>)],
    differences: &mut BTreeSet<String>,
) -> Result<(&'static str, Tree), String> {
    let values: Vec<Tree> = variants.iter().filter_map(|(_, value)| value.clone()).collect();
    let kind = flag.value_type.unwrap_or_else(|| type_of(&values));
    let value_of = |name: &Option<String>| {
        let (_, value) = variants.iter().find(|(known, _)| Some(known) == name.as_ref())?;
        value.clone()
    };
    let kind_name = match kind {
        ValueType::Boolean => "boolean",
        ValueType::String => "string",
        ValueType::Integer => "integer",
        ValueType::Number => "float",
        ValueType::Object => "object",
        ValueType::Any => return Err("a flag of a manifest has values of one type".to_owned()),
    };
    let default = value_of(&flag.off_variant).or_else(|| value_of(&flag.default_variant));
    let default = default.or_else(|| {
        let how = "no `off_variant` or `default_variant` says the default: it is that of an empty value";
        differences.insert(how.to_owned());
        Some(match kind {
            ValueType::Boolean => Tree::Bool(false),
            ValueType::String => text(""),
            ValueType::Integer | ValueType::Number => number(0.0),
            _ => Tree::Fields(Vec::new()),
        })
    });
    Ok((kind_name, default.unwrap_or(Tree::Null)))
}
