//! The rows that a document wants, given those that are there.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use novi::{
    activation::{Registry, references},
    rows::{ActivationRow, FlagRow, LinkRow, MemberRow, Rows},
};

use novi_match::suggest::most_similar;

use crate::{
    document::{Activated, Activation, Document, Ignored, text_over},
    export::REFERENCE,
    rename::renames,
    tree::Tree,
};

/// The rows that a document wants.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Target {
    /// All rows, also those that no file describes.
    pub rows: Rows,
    /// What no file describes.
    pub unmanaged: Unmanaged,
    /// Flags that stay off, or are new and off, though the document has them on: it ignores activations, and they have
    /// none, so that they would be on for every caller.
    pub kept_off: Vec<String>,
}

/// The names of flags and activations that no file describes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unmanaged {
    /// Flags.
    pub flags: Vec<String>,
    /// Activations.
    pub activations: Vec<String>,
}

/// What is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The place, such as `flags.new-checkout.status`.
    pub path: String,
    /// What was expected and what was found.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

impl Document {
    /// Adds the flags and activations of another file.
    ///
    /// # Errors
    /// The flags and activations that both describe.
    pub fn merge(&mut self, other: Self) -> Result<(), Vec<Problem>> {
        let mut problems = Vec::new();
        let twice = |kind: &str, name: &str| Problem {
            path: format!("{kind}.{name}"),
            message: "two files describe it: remove it from one of them".to_owned(),
        };
        for name in other.flags.keys().filter(|name| self.flags.contains_key(*name)) {
            problems.push(twice("flags", name));
        }
        for name in other.activations.keys().filter(|name| self.activations.contains_key(*name)) {
            problems.push(twice("activations", name));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        self.flags.extend(other.flags);
        self.activations.extend(other.activations);
        self.ignore.extend(other.ignore);
        self.ignore.sort_unstable();
        self.ignore.dedup();
        Ok(())
    }

    /// The rows that the document wants, given all rows that are there. Flags and activations that it does not describe
    /// stay as they are; with `prune` they are removed. Activations that one of its flags no longer has, and that nothing
    /// else uses, are removed.
    ///
    /// A row keeps its id, by its name, and a text that means the same.
    ///
    /// # Errors
    /// All problems of the document: a flag without a status, names that occur twice or that do not exist. Whether the
    /// rows are valid for their types is not checked here.
    pub fn target(&self, present: &Rows, registry: &Registry, prune: bool) -> Result<Target, Vec<Problem>> {
        let mut merge = Merge::new(self, present, registry, prune);
        merge.assign_ids();
        merge.check_names();
        let rows = merge.rows();
        if merge.problems.is_empty() {
            let unmanaged = merge.unmanaged(&rows);
            return Ok(Target { rows, unmanaged, kept_off: merge.kept_off() });
        }
        merge.problems.sort();
        merge.problems.dedup();
        Err(merge.problems)
    }
}

struct Merge<'a> {
    document: &'a Document,
    present: &'a Rows,
    registry: &'a Registry,
    prune: bool,
    /// The activations of the document by name, with their places.
    described: BTreeMap<&'a str, (String, Activation)>,
    flags: BTreeMap<&'a str, i64>,
    activations: BTreeMap<&'a str, i64>,
    /// The ids that names of one config stand for.
    named: BTreeSet<i64>,
    problems: Vec<Problem>,
}

impl<'a> Merge<'a> {
    fn new(document: &'a Document, present: &'a Rows, registry: &'a Registry, prune: bool) -> Self {
        let mut merge = Self {
            document,
            present,
            registry,
            prune,
            described: BTreeMap::new(),
            flags: BTreeMap::new(),
            activations: BTreeMap::new(),
            named: BTreeSet::new(),
            problems: Vec::new(),
        };
        let shared = document
            .activations
            .iter()
            .map(|(name, activation)| (name.as_str(), (format!("activations.{name}"), activation.clone())));
        merge.described.extend(shared);
        for (name, flag) in &document.flags {
            for (index, activation) in flag.activations.iter().enumerate() {
                let Activated::Own(own) = activation else { continue };
                let path = format!("flags.{name}.activations[{index}]");
                if let Some((other, _)) = merge.described.get(own.name.as_str()) {
                    let message = format!(
                        "{other} has the name {:?}, too: describe it once below `activations`, and name it here",
                        own.name
                    );
                    merge.problems.push(Problem { path, message });
                    continue;
                }
                let (_, parts) = own.clone().into_parts();
                merge.described.insert(&own.name, (path, parts));
            }
        }
        merge
    }

    fn problem(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem { path: path.into(), message: message.into() });
    }

    fn owns(&self, field: Ignored) -> bool {
        !self.document.ignore.contains(&field)
    }

    /// Rows keep their ids. New activations of a flag get theirs in the order of the file, in which they are evaluated.
    fn assign_ids(&mut self) {
        let highest = self.present.highest_ids();
        let mut next = highest.flags;
        self.flags = self.present.flags.iter().map(|row| (row.name.as_str(), row.id)).collect();
        for name in self.document.flags.keys() {
            self.flags.entry(name).or_insert_with(|| {
                next = next.saturating_add(1);
                next
            });
        }
        let renamed = renames(self.document, self.present, &self.described);
        let mut next = highest.activations;
        let mut twice = BTreeSet::new();
        for row in &self.present.activations {
            if self.activations.insert(&row.name, row.id).is_some() {
                twice.insert(row.name.as_str());
            }
        }
        let has_new_name: BTreeSet<i64> = renamed.values().copied().collect();
        self.activations.retain(|_, id| !has_new_name.contains(id));
        self.activations.extend(renamed);
        let listed = self.document.flags.values().flat_map(|flag| &flag.activations);
        let listed = listed.map(|activation| match activation {
            Activated::Shared(name) => name.as_str(),
            Activated::Own(own) => own.name.as_str(),
        });
        let all: Vec<&str> = listed.chain(self.document.activations.keys().map(String::as_str)).collect();
        for name in all {
            if twice.contains(name) {
                self.problem(
                    format!("activations.{name}"),
                    "two rows of `activations` have this name: rename one of them, since files go by names",
                );
            }
            if self.described.contains_key(name) {
                self.activations.entry(name).or_insert_with(|| {
                    next = next.saturating_add(1);
                    next
                });
            }
        }
    }

    fn check_names(&mut self) {
        for (name, flag) in &self.document.flags {
            if flag.status.is_none() && self.owns(Ignored::Status) {
                self.problem(
                    format!("flags.{name}.status"),
                    "expected true or false; to leave it to people, add `status` to `ignore`",
                );
            }
            let mut seen = BTreeSet::new();
            for (index, activation) in flag.activations.iter().enumerate() {
                let path = format!("flags.{name}.activations[{index}]");
                let activation = match activation {
                    Activated::Shared(name) => name,
                    Activated::Own(own) => &own.name,
                };
                if !self.activations.contains_key(activation.as_str()) {
                    let message =
                        format!("no activation has the name {activation:?}{}", self.hint(activation));
                    self.problem(path.clone(), message);
                }
                if !seen.insert(activation) {
                    self.problem(path, format!("the flag has {activation:?} twice"));
                }
            }
        }
        let described: Vec<(String, Activation)> = self.described.values().cloned().collect();
        for (path, activation) in described {
            if activation.config.is_some() && activation.config_text.is_some() {
                self.problem(path.as_str(), "expected `config` or `config_text`, found both");
            }
            let denied: BTreeSet<_> = activation.denied.iter().flatten().collect();
            let both = activation.members.iter().flatten().find(|member| denied.contains(member));
            if let Some(member) = both {
                self.problem(path.as_str(), format!("{member:?} is in `members` and in `denied`"));
            }
        }
    }

    fn hint(&self, name: &str) -> String {
        let similar = most_similar(name, self.activations.keys().copied());
        similar.map(|known| format!("; did you mean {known:?}?")).unwrap_or_default()
    }

    fn rows(&mut self) -> Rows {
        let mut rows = self.present.clone();
        self.put_activations(&mut rows);
        self.put_flags(&mut rows);
        self.remove(&mut rows);
        rows.flags.sort_by_key(|row| row.id);
        rows.activations.sort_by_key(|row| row.id);
        rows.links.sort_by_key(|link| (link.flag_id, link.activation_id));
        rows.members.sort_by(|a, b| (a.activation_id, &a.member).cmp(&(b.activation_id, &b.member)));
        rows
    }

    fn put_activations(&mut self, rows: &mut Rows) {
        let described: Vec<(String, String, Activation)> = self
            .described
            .iter()
            .map(|(name, (path, activation))| ((*name).to_owned(), path.clone(), activation.clone()))
            .collect();
        let places: BTreeMap<i64, usize> =
            rows.activations.iter().enumerate().map(|(index, row)| (row.id, index)).collect();
        let mut lists: BTreeMap<(i64, bool), BTreeSet<String>> = BTreeMap::new();
        for (name, path, activation) in described {
            let Some(id) = self.activations.get(name.as_str()).copied() else { continue };
            let Activation { class_name, config, config_text, members, denied } = activation;
            self.named.clear();
            let config = config.map(|tree| self.with_ids(tree, &format!("{path}.config"), 0));
            let json = config.as_ref().map(Tree::to_json);
            for found in references(self.registry, &class_name, json.as_deref()) {
                if !self.named.contains(&found.id) {
                    let message = format!(
                        "expected the name of an activation, as {{{REFERENCE}: NAME}}, found the id {}, which other \
                         databases do not have",
                        found.id
                    );
                    self.problem(format!("{path}.config{}", found.path), message);
                }
            }
            let row = ActivationRow { id, name, class_name, ..ActivationRow::default() };
            let old = places.get(&id).and_then(|index| rows.activations.get_mut(*index));
            let before = old.as_ref().and_then(|row| row.config.as_deref());
            let config = config_text.or_else(|| text_over(before, config.as_ref()));
            if let Some(old) = old {
                *old = ActivationRow { row_version: old.row_version, config, ..row };
            } else {
                rows.activations.push(ActivationRow { config, ..row });
            }
            for (list, denied) in [(members, false), (denied, true)] {
                lists.extend(list.map(|list| ((id, denied), list.into_iter().collect())));
            }
        }
        rows.members.retain(|row| {
            // A member that moves from one list to the other is in the new one only.
            let is_listed =
                |denied| lists.get(&(row.activation_id, denied)).map(|list| list.contains(&row.member));
            is_listed(row.denied).is_none() && is_listed(!row.denied) != Some(true)
        });
        for ((id, denied), list) in lists {
            rows.members.extend(
                list.into_iter().map(|member| MemberRow { denied, ..MemberRow::allowed(id, member) }),
            );
        }
    }

    /// A config with ids in place of names.
    fn with_ids(&mut self, tree: Tree, path: &str, depth: usize) -> Tree {
        // As deep as JSON texts can be.
        const MAX_DEPTH: usize = 128;
        if depth > MAX_DEPTH {
            self.problem(path, format!("expected at most {MAX_DEPTH} levels"));
            return Tree::Null;
        }
        match tree {
            Tree::Fields(fields) => {
                if let [(field, Tree::String(name))] = fields.as_slice()
                    && field == REFERENCE
                {
                    let id = self.activations.get(name.as_str()).copied();
                    self.named.extend(id);
                    if id.is_none() {
                        let message = format!("no activation has the name {name:?}{}", self.hint(name));
                        self.problem(path, message);
                    }
                    return id.map_or(Tree::Null, |id| Tree::Number(id.into()));
                }
                let inside = fields.into_iter().map(|(name, value)| {
                    let value = self.with_ids(value, &format!("{path}.{name}"), depth + 1);
                    (name, value)
                });
                Tree::Fields(inside.collect())
            }
            Tree::List(items) => {
                let inside = items.into_iter().enumerate();
                let inside =
                    inside.map(|(index, item)| self.with_ids(item, &format!("{path}[{index}]"), depth + 1));
                Tree::List(inside.collect())
            }
            other => other,
        }
    }

    /// Whether the document decides if a flag is on. It does not turn one on whose activations are left to people, as
    /// long as it has none: it would be on for every caller.
    fn owns_status(&self, flag: i64, status: Option<bool>) -> bool {
        let is_open = || !self.owns(Ignored::Activations) && self.present.links_of(Some(flag)).is_empty();
        self.owns(Ignored::Status) && !(status == Some(true) && is_open())
    }

    /// The flags that are off since nobody has given them activations.
    fn kept_off(&self) -> Vec<String> {
        if !self.owns(Ignored::Status) {
            return Vec::new();
        }
        let on: BTreeSet<i64> =
            self.present.flags.iter().filter(|row| row.status).map(|row| row.id).collect();
        let is_kept_off = |name: &str, status: Option<bool>| {
            let id = self.flags.get(name).copied().filter(|id| !on.contains(id));
            id.is_some_and(|id| status == Some(true) && !self.owns_status(id, status))
        };
        let flags = self.document.flags.iter();
        flags.filter(|(name, flag)| is_kept_off(name, flag.status)).map(|(name, _)| name.clone()).collect()
    }

    fn put_flags(&self, rows: &mut Rows) {
        let places: BTreeMap<i64, usize> =
            rows.flags.iter().enumerate().map(|(index, row)| (row.id, index)).collect();
        let mut links: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
        for (name, flag) in &self.document.flags {
            let Some(id) = self.flags.get(name.as_str()).copied() else { continue };
            let before = places.get(&id).and_then(|index| rows.flags.get(*index));
            let metadata = before.map(|row| row.metadata.clone()).unwrap_or_default();
            let status =
                if self.owns_status(id, flag.status) { flag.status } else { before.map(|row| row.status) };
            let metadata = flag.metadata_over(&metadata, &self.document.ignore);
            let row = FlagRow { metadata, ..FlagRow::new(id, name, status.unwrap_or(false)) };
            match places.get(&id).and_then(|index| rows.flags.get_mut(*index)) {
                Some(old) => *old = row,
                None => rows.flags.push(row),
            }
            if !self.owns(Ignored::Activations) {
                continue;
            }
            let names = flag.activations.iter().map(|activation| match activation {
                Activated::Shared(name) => name.as_str(),
                Activated::Own(own) => own.name.as_str(),
            });
            links.insert(id, names.filter_map(|name| self.activations.get(name).copied()).collect());
        }
        rows.links.retain(|link| link.flag_id.is_none_or(|id| !links.contains_key(&id)));
        let listed =
            links.into_iter().flat_map(|(flag, ids)| ids.into_iter().map(move |id| LinkRow::new(flag, id)));
        rows.links.extend(listed);
    }

    /// Removes what nobody uses: activations that a flag of the document had, and with `prune` all that no file describes.
    fn remove(&self, rows: &mut Rows) {
        let managed: BTreeSet<i64> =
            self.document.flags.keys().filter_map(|name| self.flags.get(name.as_str()).copied()).collect();
        let is_managed = |id: i64| managed.contains(&id);
        if self.prune {
            rows.flags.retain(|row| is_managed(row.id));
            rows.links.retain(|link| link.flag_id.is_some_and(is_managed));
        }
        let children = |rows: &Rows| -> BTreeMap<i64, Vec<i64>> {
            let of = |row: &ActivationRow| {
                let found = references(self.registry, &row.class_name, row.config.as_deref());
                (row.id, found.into_iter().map(|reference| reference.id).collect())
            };
            rows.activations.iter().map(of).collect()
        };
        let linked = |rows: &Rows, of: &dyn Fn(i64) -> bool| -> BTreeSet<i64> {
            let links = rows.links.iter().filter(|link| link.flag_id.is_some_and(of));
            links.filter_map(|link| link.activation_id).collect()
        };
        let described: BTreeSet<i64> =
            self.described.keys().filter_map(|name| self.activations.get(name).copied()).collect();
        let before = reach(linked(self.present, &is_managed), &children(self.present));
        let is_candidate = |id: i64| (self.prune || before.contains(&id)) && !described.contains(&id);
        let candidates: BTreeSet<i64> =
            rows.activations.iter().map(|row| row.id).filter(|id| is_candidate(*id)).collect();
        let mut roots = linked(rows, &|_| true);
        roots.extend(rows.activations.iter().map(|row| row.id).filter(|id| !candidates.contains(id)));
        let used = reach(roots, &children(rows));
        let unused = |id: i64| candidates.contains(&id) && !used.contains(&id);
        rows.activations.retain(|row| !unused(row.id));
        rows.members.retain(|row| !unused(row.activation_id));
    }

    /// What stays, and is not described.
    fn unmanaged(&self, after: &Rows) -> Unmanaged {
        let flags = after.flags.iter().map(|row| &row.name);
        let activations = after.activations.iter().map(|row| &row.name);
        Unmanaged {
            flags: flags.filter(|name| !self.document.flags.contains_key(*name)).cloned().collect(),
            activations: activations
                .filter(|name| !self.described.contains_key(name.as_str()))
                .cloned()
                .collect(),
        }
    }
}

/// All ids that are reached from some.
fn reach(from: BTreeSet<i64>, children: &BTreeMap<i64, Vec<i64>>) -> BTreeSet<i64> {
    let (mut seen, mut left) = (from.clone(), Vec::from_iter(from));
    while let Some(id) = left.pop() {
        for child in children.get(&id).into_iter().flatten() {
            if seen.insert(*child) {
                left.push(*child);
            }
        }
    }
    seen
}
