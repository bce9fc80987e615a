//! Activations that have another name in a document than their row: they keep their id, their members and their history.

use std::collections::{BTreeMap, BTreeSet};

use novi::rows::{ActivationRow, LinkRow, Rows};

use crate::{
    document::{Activated, Activation, Document},
    references::{self, named, with_ids},
    tree::Tree,
};

/// The rows that have other names in a document: the new names with the ids. `described` are the activations of the
/// document by name.
///
/// A row is renamed if the document no longer names it, only flags of the document have it, and a name without a row has
/// the same type and config; or if it is the only one that a flag loses, and the flag gets only one of this type.
pub(crate) fn renames<'a>(
    document: &'a Document,
    present: &Rows,
    described: &BTreeMap<&'a str, (String, Activation)>,
) -> BTreeMap<&'a str, i64> {
    let ids: BTreeMap<&str, i64> =
        present.activations.iter().map(|row| (row.name.as_str(), row.id)).collect();
    let new: Vec<&'a str> = described.keys().copied().filter(|name| !ids.contains_key(name)).collect();
    let mut gone = gone(document, present, described);
    let mut found = BTreeMap::new();
    if new.is_empty() || gone.is_empty() {
        return found;
    }
    let mut same: BTreeMap<_, Vec<i64>> = BTreeMap::new();
    for row in gone.values() {
        same.entry((row.class_name.as_str(), config_of_row(row))).or_default().push(row.id);
    }
    for name in &new {
        let Some((_, activation)) = described.get(name) else { continue };
        let Some(config) = config_of(activation, &ids) else { continue };
        if let Some([id]) = same.remove(&(activation.class_name.as_str(), config)).as_deref() {
            gone.remove(id);
            found.insert(*name, *id);
        }
    }
    let flags: BTreeMap<&str, i64> = present.flags.iter().map(|row| (row.name.as_str(), row.id)).collect();
    for (name, flag) in &document.flags {
        let links = flags.get(name.as_str()).map(|id| present.links_of(Some(*id)));
        let lost = links.unwrap_or_default().iter().filter_map(|link| gone.get(&link.activation_id?));
        let got = flag
            .activations
            .iter()
            .map(name_of)
            .filter(|name| new.contains(name) && !found.contains_key(name));
        let (lost, got): (Vec<_>, Vec<_>) = (lost.copied().collect(), got.collect());
        if let ([row], [name]) = (lost.as_slice(), got.as_slice())
            && described.get(name).is_some_and(|(_, activation)| activation.class_name == row.class_name)
        {
            gone.remove(&row.id);
            found.insert(*name, row.id);
        }
    }
    found
}

/// Gives the activations of documents, which are `all` together, the names that their rows have now.
pub(crate) fn follow_rows(documents: &mut [Document], all: &Document, rows: &Rows) {
    let shared = all.activations.iter().map(|(name, activation)| (name.as_str(), activation.clone()));
    let own = all.flags.values().flat_map(|flag| &flag.activations).filter_map(|activated| match activated {
        Activated::Own(own) => Some((own.name.as_str(), own.clone().into_parts().1)),
        Activated::Shared(_) => None,
    });
    let described: BTreeMap<&str, (String, Activation)> =
        shared.chain(own).map(|(name, activation)| (name, (String::new(), activation))).collect();
    let names: BTreeMap<i64, &str> = rows.activations.iter().map(|row| (row.id, row.name.as_str())).collect();
    let renamed = renames(all, rows, &described).into_iter();
    let renamed: BTreeMap<String, String> =
        renamed.filter_map(|(old, id)| Some((old.to_owned(), (*names.get(&id)?).to_owned()))).collect();
    if renamed.is_empty() {
        return;
    }
    let rename = |name: &mut String| {
        if let Some(new) = renamed.get(name) {
            name.clone_from(new);
        }
    };
    for document in documents {
        for (mut name, mut activation) in std::mem::take(&mut document.activations) {
            rename(&mut name);
            activation.config.iter_mut().for_each(|config| references::rename(config, &renamed));
            document.activations.insert(name, activation);
        }
        for activated in document.flags.values_mut().flat_map(|flag| &mut flag.activations) {
            match activated {
                Activated::Shared(name) => rename(name),
                Activated::Own(own) => {
                    rename(&mut own.name);
                    own.config.iter_mut().for_each(|config| references::rename(config, &renamed));
                }
            }
        }
    }
}

/// What a row's config means, as text; empty if it has none.
fn config_of_row(row: &ActivationRow) -> String {
    let text = row.config.clone().unwrap_or_default();
    Tree::from_json(&text).map_or(text, |tree| tree.canonical().to_json())
}

/// The same of a described activation. `None` if it refers to an activation that has no row.
fn config_of(activation: &Activation, ids: &BTreeMap<&str, i64>) -> Option<String> {
    if let Some(text) = &activation.config_text {
        return Some(text.clone());
    }
    let Some(config) = &activation.config else { return Some(String::new()) };
    let config = with_ids(config, &|name| ids.get(name).copied())?;
    Some(config.canonical().to_json())
}

/// The activations of a document's flags that it does not name, and that no other flag has.
fn gone<'r>(
    document: &Document,
    present: &'r Rows,
    described: &BTreeMap<&str, (String, Activation)>,
) -> BTreeMap<i64, &'r ActivationRow> {
    let mut names: BTreeSet<&str> = described.keys().copied().collect();
    names.extend(document.flags.values().flat_map(|flag| &flag.activations).map(name_of));
    for (_, activation) in described.values() {
        let mut inside = Vec::new();
        activation.config.iter().for_each(|config| named(config, &mut inside));
        names.extend(inside);
    }
    let managed: BTreeSet<i64> =
        present.flags.iter().filter(|row| document.flags.contains_key(&row.name)).map(|row| row.id).collect();
    let is_managed = |flag: Option<i64>| flag.is_some_and(|flag| managed.contains(&flag));
    let (own, others): (Vec<&LinkRow>, Vec<&LinkRow>) =
        present.links.iter().partition(|link| is_managed(link.flag_id));
    let own: BTreeSet<i64> = own.iter().filter_map(|link| link.activation_id).collect();
    let others: BTreeSet<i64> = others.iter().filter_map(|link| link.activation_id).collect();
    let rows = present.activations.iter();
    let is_gone = |row: &&ActivationRow| {
        own.contains(&row.id) && !others.contains(&row.id) && !names.contains(row.name.as_str())
    };
    rows.filter(is_gone).map(|row| (row.id, row)).collect()
}

fn name_of(activated: &Activated) -> &str {
    match activated {
        Activated::Shared(name) => name,
        Activated::Own(own) => &own.name,
    }
}
