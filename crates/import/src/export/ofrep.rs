//! OFREP without a server: what `POST /ofrep/v1/evaluate/flags` responds, for flags that are the same for all callers.
//!
//! A static web server can serve the files: the response for all flags is at the path of the endpoint, those for single
//! flags are below it.

use std::collections::BTreeSet;

use novi::{Context, activation::Registry, rows::FlagRow, snapshot::Snapshot};
use novi_files::{Flag, Tree};

use super::{
    condition::{Give, Node},
    source::{Exported, Source, Written},
};
use crate::config::{fields, text};

/// The path of the endpoint.
pub const PATH: &str = "ofrep/v1/evaluate/flags";

/// Writes the response for all flags, whose `flags` are the responses for each.
#[must_use]
pub fn write(snapshot: &Snapshot, registry: &Registry) -> Exported {
    let source = Source::of(snapshot, registry);
    let (flags, report) = source
        .write("OFREP", &["metadata", "off_variant"], |flag, row| response(flag, row, &source, snapshot));
    let revision = Tree::Number(snapshot.revision().number().into());
    let document = fields([
        ("flags", Tree::List(flags.into_iter().map(|(_, flag)| flag).collect())),
        ("metadata", fields([("revision", revision)])),
    ]);
    Exported { document, report }
}

fn response(flag: &Flag, row: &FlagRow, source: &Source, snapshot: &Snapshot) -> Result<Written, String> {
    let is_constant = !row.status
        || matches!(
            source.draft(flag, row, false)?.node,
            Node::Give(Give::Off | Give::On | Give::Variant(_))
        );
    if !is_constant {
        return Err("it is not the same for all callers at all times, which takes a server".to_owned());
    }
    let context = Context::new();
    let decision = snapshot.decision(&row.name, &context).ok_or("it cannot be evaluated")?;
    let is_without_value = decision.variant().is_some() && decision.value().is_none();
    if is_without_value {
        return Err("its variant has no value of the flag's type".to_owned());
    }
    let value = decision.value().and_then(|value| Tree::from_json(&value.to_string()));
    let variant = decision.variant().unwrap_or(if decision.enabled() { "on" } else { "off" });
    let metadata = decision
        .metadata()
        .filter_map(|(name, value)| Some((name.to_owned(), Tree::from_json(&value.to_string())?)));
    let mut response = vec![("key", text(&row.name))];
    response.extend(value.map(|value| ("value", value)));
    response.push(("reason", text(decision.reason().as_str())));
    response.push(("variant", text(variant)));
    response.push(("metadata", Tree::Fields(metadata.collect())));
    Ok(Written { value: fields(response), differences: BTreeSet::new() })
}
