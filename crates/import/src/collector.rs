//! Collects the flags of a source and the report.

use std::collections::BTreeSet;

use novi_files::{Activated, Activation, Document, Flag, OwnActivation, Tree};

use crate::{
    config::{DEFAULT_KEY, REFERENCE, fields, reference, text, texts},
    dependents,
    report::{Outcome, Report},
    verify::without_broken,
};

/// What novi stores of a name.
const MAX_NAME: usize = 255;

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

    /// An activation that one flag has, whose name is unique; or one with a row of its own, by a reference.
    pub(crate) fn activation(&mut self, flag: &str, what: &str, inline: Tree) -> Option<Activated> {
        let Tree::Fields(fields) = inline else { return None };
        let (mut class_name, mut config) = (None, None);
        for (field, value) in fields {
            match (field.as_str(), value) {
                (REFERENCE, Tree::String(name)) => return Some(Activated::Shared(name)),
                ("class_name", Tree::String(name)) => class_name = Some(name),
                ("config", value) => config = Some(value),
                _ => (),
            }
        }
        let name = self.unique(flag, what);
        let (config_text, members, denied) = (None, None, None);
        Some(Activated::Own(OwnActivation {
            name,
            class_name: class_name?,
            config,
            config_text,
            members,
            denied,
        }))
    }

    /// A list of members that one flag has, to which people can add. Returns the reference to it.
    ///
    /// Only a flag that is certainly added should have one.
    pub(crate) fn members(&mut self, flag: &str, what: &str, by: &str, members: Vec<String>) -> Tree {
        let name = self.unique(flag, what);
        let (config, members) = member_list(by, members);
        let activation = Activation {
            class_name: "novi.members".to_owned(),
            config: Some(config),
            config_text: None,
            members: Some(members),
            denied: None,
        };
        self.imported.document.activations.insert(name.clone(), activation);
        reference(&name)
    }

    /// A list of members as the only condition of a flag.
    pub(crate) fn only_members(
        &mut self,
        flag: &str,
        what: &str,
        by: &str,
        members: Vec<String>,
    ) -> Activated {
        let name = self.unique(flag, what);
        let (config, members) = member_list(by, members);
        Activated::Own(OwnActivation {
            name,
            class_name: "novi.members".to_owned(),
            config: Some(config),
            config_text: None,
            members: Some(members),
            denied: None,
        })
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

/// The config of a list, and its members as rows. Members that are too long for a row are in the config.
fn member_list(by: &str, members: Vec<String>) -> (Tree, Vec<String>) {
    let mut members: Vec<String> = members.into_iter().filter(|member| !member.is_empty()).collect();
    members.sort_unstable();
    members.dedup();
    let (rows, long) = members.into_iter().partition(|member| member.chars().count() <= MAX_NAME);
    let config: Vec<String> = long;
    let mut config = vec![("allow", texts(config))];
    if by != DEFAULT_KEY {
        config.push(("by", text(by)));
    }
    (fields(config), rows)
}

/// Removes activations that were for flags that are not imported.
fn without_unused(document: &mut Document) {
    let (mut used, mut found) = (BTreeSet::new(), BTreeSet::new());
    for activation in document.flags.values().flat_map(|flag| &flag.activations) {
        match activation {
            Activated::Shared(name) => drop(found.insert(name.clone())),
            Activated::Own(own) => own.config.iter().for_each(|config| references(config, &mut found)),
        }
    }
    // Shared ones may refer to others.
    while let Some(name) = found.pop_first() {
        if let Some(activation) = document.activations.get(&name)
            && used.insert(name)
        {
            activation.config.iter().for_each(|config| references(config, &mut found));
        }
    }
    document.activations.retain(|name, _| used.contains(name));
}

/// The names that a config refers to.
fn references(config: &Tree, found: &mut BTreeSet<String>) {
    match config {
        Tree::List(items) => items.iter().for_each(|item| references(item, found)),
        Tree::Fields(fields) => {
            for (name, value) in fields {
                match value {
                    Tree::String(text) if name == REFERENCE => drop(found.insert(text.clone())),
                    value => references(value, found),
                }
            }
        }
        Tree::Null | Tree::Bool(_) | Tree::Number(_) | Tree::String(_) => (),
    }
}
