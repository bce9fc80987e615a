//! Activations with another name: the key changes, and the lines below it and their comments stay.

use std::collections::BTreeMap;

use toml_edit::{DocumentMut, Key};

use super::{
    node::{Entry, Kind, Node, Quotes},
    parse_json::parse_json,
    parse_yaml::parse_yaml,
    splice::Splices,
    style::Style,
    toml::with_line_ends_of,
};
use crate::{
    document::{Activation, Document},
    format::Format,
    tree::Tree,
};

/// The section of activations.
const SECTION: &str = "activations";

/// A key of the section, and what it becomes.
type Renamed<'a> = (&'a str, &'a str);

/// The text after renaming what is the same but for its name. `None` if there is no such thing, or the text is written
/// in a way that keys cannot be changed in.
pub(super) fn with_new_names(
    text: &str,
    format: Format,
    before: &Document,
    after: &Document,
) -> Option<String> {
    let renamed = pairs(&before.activations, &after.activations);
    if renamed.is_empty() {
        return None;
    }
    match format {
        Format::Toml => in_toml(text, &renamed),
        Format::Yaml => in_places(text, &parse_yaml(text)?, false, &renamed),
        Format::Json => in_places(text, &parse_json(text)?, true, &renamed),
    }
}

/// Comparing each with each is for a few: more are written again, without their comments.
const MOST: usize = 100;

/// Names that only one of two sections has, with the same type and config: the only ones on either side.
fn pairs<'a>(
    before: &'a BTreeMap<String, Activation>,
    after: &'a BTreeMap<String, Activation>,
) -> Vec<Renamed<'a>> {
    let gone: Vec<_> = before.iter().filter(|(name, _)| !after.contains_key(*name)).collect();
    let new: Vec<_> = after.iter().filter(|(name, _)| !before.contains_key(*name)).collect();
    if gone.len() > MOST || new.len() > MOST {
        return Vec::new();
    }
    let pair = |(old, value): &(&'a String, &'a Activation)| {
        let mut same = new.iter().filter(|(_, other)| other == value);
        let found = same.next()?;
        let is_only = same.next().is_none() && gone.iter().filter(|(_, other)| other == value).count() == 1;
        is_only.then_some((old.as_str(), found.0.as_str()))
    };
    gone.iter().filter_map(pair).collect()
}

fn in_places(text: &str, root: &Node, is_json: bool, renamed: &[Renamed<'_>]) -> Option<String> {
    let mut splices = Splices::new(text);
    let style = Style::of(&splices, root, is_json);
    let section = &entry(root, SECTION)?.value;
    for (old, new) in renamed {
        let entry = entry(section, old)?;
        let colon = entry.colon.checked_sub(1)?;
        let key = text.get(entry.start..colon)?.trim_end();
        let quotes = match key.bytes().next() {
            Some(b'"') => Quotes::Double,
            Some(b'\'') => Quotes::Single,
            _ => Quotes::None,
        };
        let name = style.scalar(&Tree::String((*new).to_owned()), quotes)?;
        splices.replace(entry.start..entry.start + key.len(), name);
    }
    splices.apply()
}

fn entry<'a>(node: &'a Node, key: &str) -> Option<&'a Entry> {
    match &node.kind {
        Kind::Table { entries, .. } => entries.iter().find(|entry| entry.key == key),
        _ => None,
    }
}

fn in_toml(text: &str, renamed: &[Renamed<'_>]) -> Option<String> {
    let mut document: DocumentMut = text.parse().ok()?;
    for (old, new) in renamed {
        let section = document.get_mut(SECTION)?;
        if let Some(table) = section.as_table_mut() {
            let (key, item) = table.remove_entry(old)?;
            table.insert_formatted(&named(&key, new), item);
        } else {
            let table = section.as_inline_table_mut()?;
            let (key, value) = table.remove_entry(old)?;
            table.insert_formatted(&named(&key, new), value);
        }
    }
    Some(with_line_ends_of(text, &document.to_string()))
}

/// A key with the blanks and comments of another one.
fn named(old: &Key, name: &str) -> Key {
    Key::new(name).with_leaf_decor(old.leaf_decor().clone()).with_dotted_decor(old.dotted_decor().clone())
}
