//! Documents brought up to the rows of the database.

use std::collections::{BTreeMap, BTreeSet};

use novi::{
    activation::{Registry, references},
    rows::{ActivationRow, FlagRow, Rows},
    store::history::rollback,
};

use crate::{
    document::{Activated, Activation, Document, Flag, Ignored, OwnActivation, text_over},
    export::Reader,
    references::with_ids,
    rename::follow_rows,
    target::Problem,
};

/// How documents are brought up to the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pull {
    /// The index of the document that receives the flags and activations that no document describes. `None` leaves
    /// them out.
    pub new_in: Option<usize>,
}

impl Pull {
    /// Adds what no document describes to one of them.
    #[must_use]
    pub const fn new_in(index: usize) -> Self {
        Self { new_in: Some(index) }
    }
}

/// Changes documents, which are one description, so that they describe the rows as they are. What means the same stays
/// as it is, and so does what a document ignores. Flags and activations without a row are removed.
///
/// # Errors
/// Names that occur twice, in the documents or in the rows, and rows that the documents cannot describe.
pub fn pull(
    documents: &mut [Document],
    rows: &Rows,
    registry: &Registry,
    how: Pull,
) -> Result<(), Vec<Problem>> {
    let mut all = Document::default();
    for document in documents.iter() {
        all.merge(document.clone())?;
    }
    // Without new ones, only names that the documents have count, which are checked at the end.
    if how.new_in.is_some() {
        check_names(rows)?;
    }
    follow_rows(documents, &all, rows);
    let mut all = Document::default();
    for document in documents.iter() {
        all.merge(document.clone())?;
    }
    let before = all.described_activations();
    let mut update = Update::new(rows, registry, all.ignore);
    for document in documents.iter_mut() {
        update.existing(document);
    }
    for document in documents.iter_mut() {
        update.missing_links(document, &before);
    }
    let known: BTreeSet<String> =
        documents.iter().flat_map(|document| document.flags.keys().cloned()).collect();
    if let Some(document) = how.new_in.and_then(|index| documents.get_mut(index)) {
        update.new_rows(document, &known);
    }
    for document in documents.iter_mut() {
        update.references(document);
    }
    verify(documents, rows, registry)
}

/// Files go by names, so that two activations cannot have the same.
fn check_names(rows: &Rows) -> Result<(), Vec<Problem>> {
    let mut names = BTreeSet::new();
    let twice = rows.activations.iter().filter(|row| !names.insert(&row.name)).map(|row| Problem {
        path: format!("activations.{}", row.name),
        message: "two rows of `activations` have this name: rename one of them, since files go by names"
            .to_owned(),
    });
    let problems: Vec<Problem> = twice.collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Checks that the documents would change nothing.
fn verify(documents: &[Document], rows: &Rows, registry: &Registry) -> Result<(), Vec<Problem>> {
    let mut all = Document::default();
    for document in documents {
        all.merge(document.clone())?;
    }
    let target = all.target(rows, registry, false)?;
    let left = rollback(rows, &target.rows, None);
    if left.is_ok_and(|changes| changes.is_empty()) {
        return Ok(());
    }
    let differs = |name: &str, is_same: bool| (!is_same).then(|| name.to_owned());
    let flags = rows.flags.iter().zip(&target.rows.flags);
    let mut paths: Vec<String> =
        flags.filter_map(|(a, b)| differs(&format!("flags.{}", a.name), a == b)).collect();
    let activations = rows.activations.iter().zip(&target.rows.activations);
    paths.extend(activations.filter_map(|(a, b)| differs(&format!("activations.{}", a.name), a == b)));
    let message = "the row has a value that files cannot describe: change it with `novi flag set` or SQL";
    Err(paths.into_iter().map(|path| Problem { path, message: message.to_owned() }).collect())
}

struct Update<'a> {
    rows: &'a Rows,
    registry: &'a Registry,
    reader: Reader<'a>,
    /// The fields that one of the documents ignores, which counts for all of them.
    ignore: Vec<Ignored>,
    flags: BTreeMap<&'a str, &'a FlagRow>,
    activations: BTreeMap<&'a str, &'a ActivationRow>,
    names: BTreeMap<i64, &'a str>,
    /// The activations that a document describes.
    described: BTreeSet<String>,
}

impl<'a> Update<'a> {
    fn new(rows: &'a Rows, registry: &'a Registry, ignore: Vec<Ignored>) -> Self {
        Self {
            rows,
            registry,
            reader: Reader::new(rows, registry),
            ignore,
            flags: rows.flags.iter().map(|row| (row.name.as_str(), row)).collect(),
            activations: rows.activations.iter().map(|row| (row.name.as_str(), row)).collect(),
            names: rows.activations.iter().map(|row| (row.id, row.name.as_str())).collect(),
            described: BTreeSet::new(),
        }
    }

    fn owns(&self, field: Ignored) -> bool {
        !self.ignore.contains(&field)
    }

    /// The names of a flag's activations, in the order of their ids.
    fn links_of(&self, flag: i64) -> Vec<&'a str> {
        let ids = self.rows.links_of(Some(flag)).iter().filter_map(|link| link.activation_id);
        let ids: BTreeSet<i64> = ids.collect();
        ids.iter().filter_map(|id| self.names.get(id).copied()).collect()
    }

    /// Removes what has no row, and updates what has one.
    fn existing(&mut self, document: &mut Document) {
        document.flags.retain(|name, _| self.flags.contains_key(name.as_str()));
        document.activations.retain(|name, _| self.activations.contains_key(name.as_str()));
        for (name, activation) in &mut document.activations {
            self.describe(name, activation);
        }
        for (name, flag) in &mut document.flags {
            let Some(row) = self.flags.get(name.as_str()).copied() else { continue };
            self.fields(flag, row);
            if self.owns(Ignored::Activations) {
                let links: BTreeSet<&str> = self.links_of(row.id).into_iter().collect();
                flag.activations.retain(|activated| links.contains(name_of(activated)));
            }
            for activated in &mut flag.activations {
                let Activated::Own(own) = activated else { continue };
                let (name, mut activation) = own.clone().into_parts();
                self.describe(&name, &mut activation);
                *own = OwnActivation::from_parts(name, activation);
            }
        }
    }

    /// Updates a flag's fields that mean something else than the row.
    fn fields(&self, flag: &mut Flag, row: &FlagRow) {
        let full = self.reader.flag(row);
        let (found, wanted) = (flag.metadata_over(&row.metadata, &self.ignore), &row.metadata);
        if self.owns(Ignored::Status) && flag.status != Some(row.status) {
            flag.status = full.status;
        }
        macro_rules! update {
            ($($field:ident),*) => {
                $(if found.$field != wanted.$field {
                    flag.$field = full.$field;
                })*
            };
        }
        update!(
            description,
            owner,
            expires_at,
            tags,
            override_allowed,
            exposed,
            fail_mode,
            variants,
            value_type,
            default_variant,
            off_variant,
            metadata
        );
    }

    /// Updates the fields of an activation that mean something else than its row.
    fn describe(&mut self, name: &str, activation: &mut Activation) {
        let Some(row) = self.activations.get(name).copied() else { return };
        self.described.insert(name.to_owned());
        let full = self.reader.activation(row);
        activation.class_name = full.class_name;
        if !self.is_config(activation, row) {
            (activation.config, activation.config_text) = (full.config, full.config_text);
        }
        for (list, is) in [(&mut activation.members, full.members), (&mut activation.denied, full.denied)] {
            let Some(list) = list else { continue };
            let is = is.unwrap_or_default();
            let rest: BTreeSet<&String> = is.iter().collect();
            list.retain(|member| rest.contains(member));
            let known: BTreeSet<String> = list.iter().cloned().collect();
            list.extend(is.into_iter().filter(|member| !known.contains(member)));
        }
    }

    /// Whether a config in a file is that of the row, as [`Document::target`] reads it.
    fn is_config(&self, activation: &Activation, row: &ActivationRow) -> bool {
        let before = row.config.as_deref();
        if let Some(text) = &activation.config_text {
            return Some(text.as_str()) == before;
        }
        let config = match &activation.config {
            Some(config) => match with_ids(config, &|name| Some(self.activations.get(name)?.id)) {
                Some(config) => Some(config),
                None => return false,
            },
            None => None,
        };
        text_over(before, config.as_ref()).as_deref() == before
    }

    /// Adds the activations that a flag has and its document does not name. One that was described in another place, which
    /// is gone, is described here.
    fn missing_links(&mut self, document: &mut Document, before: &BTreeSet<String>) {
        if !self.owns(Ignored::Activations) {
            return;
        }
        let mut shared = Vec::new();
        for (name, flag) in &mut document.flags {
            let Some(row) = self.flags.get(name.as_str()).copied() else { continue };
            for activated in &mut flag.activations {
                let Activated::Shared(name) = activated else { continue };
                if before.contains(name) {
                    *activated = self.activated(&name.clone(), &mut shared);
                }
            }
            let known: BTreeSet<String> =
                flag.activations.iter().map(|activated| name_of(activated).to_owned()).collect();
            for name in self.links_of(row.id).into_iter().filter(|name| !known.contains(*name)) {
                flag.activations.push(self.activated(name, &mut shared));
            }
        }
        self.share(document, shared);
    }

    /// An activation for the list of a flag: described there if the flag alone has it, else by its name.
    fn activated(&mut self, name: &str, shared: &mut Vec<String>) -> Activated {
        if let Some(row) = self.activations.get(name).copied()
            && self.described.insert(name.to_owned())
        {
            if self.reader.is_own(row.id) {
                let activation = self.reader.activation(row);
                return Activated::Own(OwnActivation::from_parts(name.to_owned(), activation));
            }
            shared.push(name.to_owned());
        }
        Activated::Shared(name.to_owned())
    }

    fn share(&self, document: &mut Document, names: Vec<String>) {
        for name in names {
            if let Some(row) = self.activations.get(name.as_str()) {
                document.activations.insert(name, self.reader.activation(row));
            }
        }
    }

    /// Adds all flags and activations that no document describes.
    fn new_rows(&mut self, document: &mut Document, known: &BTreeSet<String>) {
        let mut shared = Vec::new();
        let rows = self.rows;
        for row in rows.flags.iter().filter(|row| !known.contains(&row.name)) {
            let mut flag = self.without_ignored(self.reader.flag(row));
            flag.activations.clear();
            if self.owns(Ignored::Activations) {
                for name in self.links_of(row.id) {
                    flag.activations.push(self.activated(name, &mut shared));
                }
            }
            document.flags.insert(row.name.clone(), flag);
        }
        if self.owns(Ignored::Activations) {
            for row in &self.rows.activations {
                if self.described.insert(row.name.clone()) {
                    shared.push(row.name.clone());
                }
            }
        }
        self.share(document, shared);
    }

    fn without_ignored(&self, mut flag: Flag) -> Flag {
        for field in &self.ignore {
            match field {
                Ignored::Status => flag.status = None,
                Ignored::Description => flag.description = None,
                Ignored::Owner => flag.owner = None,
                Ignored::ExpiresAt => flag.expires_at = None,
                Ignored::Tags => flag.tags.clear(),
                Ignored::OverrideAllowed => flag.override_allowed = None,
                Ignored::Exposed => flag.exposed = None,
                Ignored::FailMode => flag.fail_mode = None,
                Ignored::Variants => {
                    (flag.variants, flag.value_type) = (None, None);
                    (flag.default_variant, flag.off_variant) = (None, None);
                }
                Ignored::Metadata => flag.metadata = None,
                Ignored::Activations => flag.activations.clear(),
            }
        }
        flag
    }

    /// Describes the activations that described ones refer to.
    fn references(&mut self, document: &mut Document) {
        let own = document.flags.values().flat_map(|flag| &flag.activations);
        let own = own.filter_map(|activated| match activated {
            Activated::Own(own) => Some(own.name.clone()),
            Activated::Shared(_) => None,
        });
        let mut left: Vec<String> = own.chain(document.activations.keys().cloned()).collect();
        let mut shared = Vec::new();
        while let Some(name) = left.pop() {
            let Some(row) = self.activations.get(name.as_str()) else { continue };
            for reference in references(self.registry, &row.class_name, row.config.as_deref()) {
                let Some(name) = self.names.get(&reference.id).map(|name| (*name).to_owned()) else {
                    continue;
                };
                if self.described.insert(name.clone()) {
                    left.push(name.clone());
                    shared.push(name);
                }
            }
        }
        self.share(document, shared);
    }
}

impl Document {
    /// The names of all activations that the document describes.
    fn described_activations(&self) -> BTreeSet<String> {
        let own = self.flags.values().flat_map(|flag| &flag.activations);
        let own = own.filter(|activated| matches!(activated, Activated::Own(_)));
        own.map(name_of).chain(self.activations.keys().map(String::as_str)).map(str::to_owned).collect()
    }
}

/// The name of a flag's activation.
fn name_of(activated: &Activated) -> &str {
    match activated {
        Activated::Shared(name) => name,
        Activated::Own(own) => &own.name,
    }
}
