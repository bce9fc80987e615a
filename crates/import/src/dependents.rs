//! Flags that depend on other flags are at most as exact as those.

use std::collections::BTreeMap;

use novi_files::{Activated, Document, Tree};

use crate::{collector::Imported, report::Outcome};

/// Reports flags as approximated that depend on one that is.
pub(crate) fn mark(imported: &mut Imported) {
    let dependents = dependents(&imported.document);
    let mut items: BTreeMap<String, usize> = BTreeMap::new();
    let mut left = Vec::new();
    for (index, item) in imported.report.items.iter().enumerate() {
        let Some(flag) = &item.flag else { continue };
        if !matches!(item.outcome, Outcome::NotMapped { .. }) {
            items.insert(flag.clone(), index);
        }
        if matches!(item.outcome, Outcome::Approximated { .. }) {
            left.push(flag.clone());
        }
    }
    while let Some(parent) = left.pop() {
        for flag in dependents.get(&parent).into_iter().flatten() {
            let Some(item) = items.get(flag).and_then(|index| imported.report.items.get_mut(*index)) else {
                continue;
            };
            if item.outcome == Outcome::Mapped {
                item.outcome =
                    Outcome::Approximated { how: format!("it depends on {parent:?}, which is approximated") };
                left.push(flag.clone());
            }
        }
    }
}

/// At most so many flags of a cycle are named.
const NAMED: usize = 8;

/// The flags that depend on each other in a cycle, or on flags that do, and the cycle of each in words.
pub(crate) fn in_cycles(document: &Document) -> BTreeMap<String, String> {
    let children = dependents(document);
    let mut parents: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (parent, of) in &children {
        for child in of.iter().filter(|_| document.flags.contains_key(parent)) {
            parents.entry(child).or_default().push(parent);
        }
    }
    // What remains when flags without parents are taken away, again and again.
    let mut counts: BTreeMap<&str, usize> = parents.iter().map(|(child, of)| (*child, of.len())).collect();
    let mut left: Vec<&str> =
        document.flags.keys().map(String::as_str).filter(|name| !counts.contains_key(name)).collect();
    while let Some(parent) = left.pop() {
        for child in children.get(parent).into_iter().flatten() {
            if let Some(count) = counts.get_mut(child.as_str()) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(child.as_str());
                    left.push(child);
                }
            }
        }
    }
    // Each of them has such a parent, and the way through these ends in a cycle.
    let first = |name: &str| parents.get(name)?.iter().copied().find(|parent| counts.contains_key(parent));
    let next: BTreeMap<&str, &str> = counts.keys().filter_map(|name| Some((*name, first(name)?))).collect();
    ends_of_ways(&next).into_iter().map(|(name, start)| (name.to_owned(), words(start, &next))).collect()
}

/// For each flag, one of the cycle that the way from it ends in: itself, if it is in the cycle.
fn ends_of_ways<'a>(next: &BTreeMap<&'a str, &'a str>) -> BTreeMap<&'a str, &'a str> {
    let mut ends: BTreeMap<&str, &str> = BTreeMap::new();
    for flag in next.keys() {
        let (mut way, mut places) = (Vec::new(), BTreeMap::new());
        let mut at = Some(*flag);
        while let Some(name) = at.filter(|name| !ends.contains_key(name) && !places.contains_key(name)) {
            places.insert(name, way.len());
            way.push(name);
            at = next.get(name).copied();
        }
        let Some(met) = at else { continue };
        let end = ends.get(met).copied().unwrap_or(met);
        let cycle = places.get(met).copied().unwrap_or(way.len());
        for (place, name) in way.into_iter().enumerate() {
            ends.insert(name, if place < cycle { end } else { name });
        }
    }
    ends
}

/// The cycle that a flag is in.
fn words<'a>(start: &'a str, next: &BTreeMap<&'a str, &'a str>) -> String {
    let mut names = vec![start];
    while let Some(name) = names.last().and_then(|name| next.get(name)) {
        if names.len() > NAMED {
            names.push("...");
            break;
        }
        names.push(name);
        if *name == start {
            break;
        }
    }
    format!("it depends on flags that form a cycle: {}", names.join(" -> "))
}

/// The flags that depend on each flag.
fn dependents(document: &Document) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, flag) in &document.flags {
        for activation in &flag.activations {
            let Activated::Own(own) = activation else { continue };
            let mut left: Vec<(&str, &Tree)> =
                own.config.iter().map(|config| (&*own.class_name, config)).collect();
            while let Some((class_name, config)) = left.pop() {
                if class_name == "novi.flag"
                    && let Some(parent) = config.get("flag").and_then(Tree::as_str)
                {
                    found.entry(parent.to_owned()).or_default().push(name.clone());
                }
                match config {
                    Tree::List(items) => left.extend(items.iter().map(|item| ("", item))),
                    Tree::Fields(fields) => {
                        let class = config.get("class_name").and_then(Tree::as_str).unwrap_or_default();
                        left.extend(
                            fields
                                .iter()
                                .map(|(field, value)| (if field == "config" { class } else { "" }, value)),
                        );
                    }
                    _ => (),
                }
            }
        }
    }
    found
}
