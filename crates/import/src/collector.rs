//! Collects the flags of a source and the report.

use std::collections::BTreeSet;

use novi_files::{Activated, Activation, Document, Flag, OwnActivation, Tree};

use crate::{
    config::{fields, text},
    dependents,
    report::{Outcome, Report},
    verify::{references, without_broken},
};

/// What novi stores of a name.
pub(crate) const MAX_NAME: usize = 255;

/// The flags of a source, and what became of each part of it.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Imported {
    /// The flags, as a file describes them.
    pub document: Document,
    /// What became of each part of the source.
    pub report: Report,
}

/// A flag with what is known of how exact it is.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(crate) flag: Flag,
    /// What is different, if anything.
    pub(crate) differences: Vec<String>,
}

/// Collects the flags of a source and the report.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    imported: Imported,
    activations: BTreeSet<String>,
}

impl Collector {
    /// Adds a flag, or reports why it is not imported.
    pub(crate) fn add(&mut self, source: impl Into<String>, name: &str, draft: Result<Draft, String>) {
        let source = source.into();
        let draft = draft.and_then(|draft| self.check_name(name).map(|()| draft));
        match draft {
            Ok(Draft { flag, differences }) => {
                self.imported.document.flags.insert(name.to_owned(), flag);
                let outcome = if differences.is_empty() {
                    Outcome::Mapped
                } else {
                    Outcome::Approximated { how: differences.join("; ") }
                };
                self.imported.report.push(source, Some(name), outcome);
            }
            Err(why) => self.imported.report.push(source, Some(name), Outcome::NotMapped { why }),
        }
    }

    /// Reports a part that belongs to no flag, or to one that is imported without it.
    pub(crate) fn note(&mut self, source: impl Into<String>, flag: Option<&str>, outcome: Outcome) {
        self.imported.report.push(source, flag, outcome);
    }

    /// An activation of a flag: a reference to one for several flags, or one that it alone has, with a unique name.
    pub(crate) fn activation(&mut self, flag: &str, what: &str, inline: Tree) -> Activated {
        if let Some(name) = inline.get("$activation").and_then(Tree::as_str) {
            return Activated::Shared(name.to_owned());
        }
        Activated::Own(self.own(flag, what, inline))
    }

    /// An activation with a unique name.
    pub(crate) fn own(&mut self, flag: &str, what: &str, inline: Tree) -> OwnActivation {
        let (mut class_name, mut config) = (None, None);
        let fields = if let Tree::Fields(fields) = inline { fields } else { Vec::new() };
        for (field, value) in fields {
            match (field.as_str(), value) {
                ("class_name", Tree::String(name)) => class_name = Some(name),
                ("config", value) => config = Some(value),
                _ => (),
            }
        }
        OwnActivation {
            name: self.unique(flag, what),
            // A type that does not exist breaks the flag, which is then reported.
            class_name: class_name.unwrap_or_default(),
            config,
            config_text: None,
            members: None,
            denied: None,
        }
    }

    /// Adds an activation for several flags, and returns how their activations refer to it.
    pub(crate) fn shared(&mut self, of: &str, what: &str, inline: Tree) -> Tree {
        if inline.get("$activation").is_some() {
            return inline;
        }
        let own = self.own(of, what, inline);
        let reference = fields([("$activation", text(&own.name))]);
        let OwnActivation { name, class_name, config, .. } = own;
        let (config_text, members, denied) = (None, None, None);
        self.share(name, Activation { class_name, config, config_text, members, denied });
        reference
    }

    /// Whether a flag was added.
    pub(crate) fn has_flag(&self, name: &str) -> bool {
        self.imported.document.flags.contains_key(name)
    }

    /// Whether flags were added.
    pub(crate) fn has_flags(&self) -> bool {
        !self.imported.document.flags.is_empty()
    }

    /// Adds an activation that others refer to by its name.
    pub(crate) fn share(&mut self, name: String, activation: Activation) {
        self.imported.document.activations.insert(name, activation);
    }

    /// The flags and the report. Flags that novi would reject are removed and reported.
    pub(crate) fn finish(self) -> Imported {
        let mut imported = without_broken(self.imported);
        without_unused(&mut imported.document);
        dependents::mark(&mut imported);
        imported
    }

    fn check_name(&self, name: &str) -> Result<(), String> {
        if name.is_empty() || name.trim() != name {
            return Err("expected a name that is not empty and has no blanks around it".to_owned());
        }
        let length = name.chars().count();
        if length > MAX_NAME {
            return Err(format!("expected a name of at most {MAX_NAME} characters, found {length}"));
        }
        if self.imported.document.flags.contains_key(name) {
            return Err("the source has another flag with this name".to_owned());
        }
        Ok(())
    }

    fn unique(&mut self, flag: &str, what: &str) -> String {
        let name = |suffix: &str| -> String {
            let what: String = what.chars().take(100).collect();
            // Room for the separator and the suffix.
            let room = MAX_NAME.saturating_sub(what.chars().count() + suffix.len() + 2);
            let flag: String = flag.chars().take(room).collect();
            format!("{flag}: {what}{suffix}")
        };
        let mut found = name("");
        let mut number = self.activations.len();
        while !self.activations.insert(found.clone()) {
            number += 1;
            found = name(&format!(" ({number})"));
        }
        found
    }
}

/// Removes activations that were for flags that are not imported.
fn without_unused(document: &mut Document) {
    let mut left: Vec<String> = Vec::new();
    for activation in document.flags.values().flat_map(|flag| &flag.activations) {
        match activation {
            Activated::Shared(name) => left.push(name.clone()),
            Activated::Own(own) => {
                left.extend(own.config.iter().flat_map(references).map(str::to_owned));
            }
        }
    }
    let mut used = BTreeSet::new();
    // Shared ones may refer to others.
    while let Some(name) = left.pop() {
        let config = document.activations.get(&name).and_then(|activation| activation.config.as_ref());
        if used.insert(name) {
            left.extend(config.into_iter().flat_map(references).map(str::to_owned));
        }
    }
    document.activations.retain(|name, _| used.contains(name));
}
