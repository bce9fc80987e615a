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
