//! The values of variants, as novi gives them to clients.

use std::collections::BTreeSet;

use novi::{
    Context, Flags,
    activation::Registry,
    rows::{ActivationRow, FlagRow, LinkRow, Rows},
};
use novi_files::{Flag, Tree};

use super::condition::{Give, Node};

/// The names of variants with their values; `None` is a variant without one.
type Variants = Vec<(String, Option<Tree>)>;

/// The variants of a flag, and whether clients get their values.
pub(super) fn variants(
    flag: &Flag,
    row: &FlagRow,
    node: &Node,
    registry: &Registry,
) -> Result<(Variants, bool), String> {
    let mut names: Vec<String> = Vec::new();
    let mut add = |name: &str| {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    };
    if let Some(fields) = flag.variants.as_ref().and_then(Tree::as_fields) {
        for (name, _) in fields {
            add(name);
        }
    }
    let assigned: BTreeSet<&str> = node
        .gives()
        .into_iter()
        .flat_map(|give| match give {
            Give::Variant(name) => vec![name.as_str()],
            Give::Draw(draw) => draw.buckets.iter().filter_map(|(name, _)| name.as_deref()).collect(),
            Give::On | Give::Off => Vec::new(),
        })
        .collect();
    assigned.into_iter().for_each(&mut add);
    flag.default_variant.iter().chain(&flag.off_variant).for_each(|name| add(name));
    let (values, has_values) = values(row, &names, registry)?;
    Ok((names.into_iter().zip(values).collect(), has_values))
}

/// Evaluates a flag with each of some variants.
fn values(row: &FlagRow, names: &[String], registry: &Registry) -> Result<(Vec<Option<Tree>>, bool), String> {
    let mut rows = Rows::default();
    for (id, name) in (1..).zip(names) {
        let mut flag = FlagRow::new(id, id.to_string(), true);
        flag.metadata = row.metadata.clone();
        rows.flags.push(flag);
        let config = serde_json::json!({"variant": name}).to_string();
        rows.activations.push(ActivationRow::new(id, id.to_string(), "novi.static", config));
        rows.links.push(LinkRow::new(id, id));
    }
    let flags =
        Flags::builder().registry(registry.clone()).from_rows(rows).map_err(|error| error.to_string())?;
    let context = Context::new();
    let (mut values, mut has_values) = (Vec::new(), false);
    for id in 1..=names.len() {
        let decision = flags.evaluate(&id.to_string(), &context).map_err(|error| error.to_string())?;
        has_values |= decision.has_values();
        values.push(decision.value().and_then(|value| Tree::from_json(&value.to_string())));
    }
    Ok((values, has_values))
}

/// What a file says of a flag that other systems have no place for.
pub(super) fn unsaid(flag: &Flag, also: &[&'static str]) -> Vec<&'static str> {
    let mut fields = Vec::new();
    let mut add = |is_there: bool, name: &'static str| {
        if is_there {
            fields.push(name);
        }
    };
    add(flag.description.is_some(), "description");
    add(flag.owner.is_some(), "owner");
    add(flag.expires_at.is_some(), "expires_at");
    add(!flag.tags.is_empty(), "tags");
    add(flag.override_allowed == Some(false), "override_allowed");
    add(flag.exposed.is_some(), "exposed");
    add(flag.fail_mode.is_some(), "fail_mode");
    add(flag.off_variant.is_some(), "off_variant");
    add(flag.metadata.is_some(), "metadata");
    fields.retain(|field| !also.contains(field));
    fields
}
