//! Compiles what was imported, so that one flag that novi rejects does not block the others.

use std::collections::BTreeMap;

use novi::{
    Flags,
    activation::{MissingFlags, Registry},
    rows::Rows,
};

use novi_files::Tree;

use crate::{collector::Imported, dependents::in_cycles, report::Outcome};

/// Removes the flags that do not compile, and says why in the report.
pub(crate) fn without_broken(mut imported: Imported) -> Imported {
    loop {
        let broken = broken(&imported);
        if broken.is_empty() {
            return imported;
        }
        for (flag, why) in broken {
            imported.document.flags.remove(&flag);
            for item in &mut imported.report.items {
                let is_imported = !matches!(item.outcome, Outcome::NotMapped { .. });
                if is_imported && item.flag.as_deref() == Some(flag.as_str()) {
                    item.outcome = Outcome::NotMapped { why: why.clone() };
                }
            }
        }
    }
}

/// The flags of a document that do not compile, and why.
fn broken(imported: &Imported) -> BTreeMap<String, String> {
    let all = |why: String| imported.document.flags.keys().map(|flag| (flag.clone(), why.clone())).collect();
    let Ok(registry) = Registry::global() else { return BTreeMap::new() };
    let target = match imported.document.target(&Rows::default(), &registry, false) {
        Ok(target) => target,
        // Names are unique and known by construction.
        Err(problems) => return all(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")),
    };
    let builder = Flags::builder().registry(registry).missing_flags(MissingFlags::Issue);
    let flags = match builder.from_rows(target.rows) {
        Ok(flags) => flags,
        Err(error) => return all(error.to_string()),
    };
    let issues = flags.issues();
    let cycles = if issues.is_empty() { BTreeMap::new() } else { in_cycles(&imported.document) };
    let mut broken = BTreeMap::new();
    for issue in issues.into_iter().filter(|issue| !issue.warning) {
        for flag in &issue.flags {
            // The compiler names the rows of a cycle, which are not those of the database.
            let why = cycles.get(flag).cloned();
            broken
                .entry(flag.clone())
                .or_insert_with(|| why.unwrap_or_else(|| format!("{}: {}", issue.path, issue.message)));
        }
    }
    broken
}

/// The names of the activations that a config refers to.
pub(crate) fn references(config: &Tree) -> Vec<&str> {
    named(config, "$activation")
}

/// The strings of all fields with a name, at any depth.
pub(crate) fn named<'t>(config: &'t Tree, name: &str) -> Vec<&'t str> {
    let (mut found, mut left) = (Vec::new(), vec![config]);
    while let Some(tree) = left.pop() {
        match tree {
            Tree::List(items) => left.extend(items),
            Tree::Fields(fields) => {
                found.extend(tree.get(name).and_then(Tree::as_str));
                left.extend(fields.iter().map(|(_, value)| value));
            }
            _ => (),
        }
    }
    found
}
