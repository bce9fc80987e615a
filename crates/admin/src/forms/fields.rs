//! The fields of a form by their names, which are paths: `c/steps/0/percentage`. Parts after `@` say how a value is
//! shown.

use std::{collections::BTreeMap, fmt};

/// The name of the whole config.
pub(crate) const ROOT: &str = "c";

/// The most rows of a list. Longer ones are JSON.
pub(crate) const MOST_ROWS: usize = 100;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields(BTreeMap<String, String>);

impl Fields {
    /// The fields of a config among all that were sent.
    pub(crate) fn sent(all: &[(String, String)]) -> Self {
        let mut fields = BTreeMap::new();
        let is_part = |name: &str| {
            name.strip_prefix(ROOT).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '@']))
        };
        for (name, value) in all.iter().filter(|(name, _)| is_part(name)) {
            // Browsers send line breaks as CRLF.
            fields.entry(name.clone()).or_insert_with(|| value.replace("\r\n", "\n"));
        }
        Self(fields)
    }

    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// A part of a field.
    pub(super) fn part(&self, name: &str, part: &str) -> &str {
        self.get(&part_of(name, part))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.to_owned(), value.into());
    }

    pub(super) fn set_part(&mut self, name: &str, part: &str, value: impl Into<String>) {
        self.0.insert(part_of(name, part), value.into());
    }

    /// How many rows a list has.
    pub(super) fn rows(&self, name: &str) -> usize {
        self.part(name, "n").parse().unwrap_or(0).min(MOST_ROWS)
    }

    /// Which branch of an `Either` is shown.
    pub(super) fn branch(&self, name: &str) -> usize {
        self.part(name, "is").parse().unwrap_or(0)
    }

    pub(super) fn is_json(&self, name: &str) -> bool {
        self.part(name, "is") == "json"
    }

    /// A field and all that are inside of it.
    pub(super) fn within<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let is_inside = move |rest: &str| rest.is_empty() || rest.starts_with(['/', '@']);
        // Names between these can continue the last part, such as `a` and `a2`.
        let range = self.0.range(name.to_owned()..).take_while(move |(found, _)| found.starts_with(name));
        let inside = range.filter(move |(found, _)| found.strip_prefix(name).is_some_and(is_inside));
        inside.map(|(found, value)| (found.as_str(), value.as_str()))
    }

    /// Whether nothing is typed into a field and those inside of it.
    pub(super) fn is_blank(&self, name: &str) -> bool {
        let is_note = |found: &str| {
            found.rsplit_once('@').is_some_and(|(_, part)| matches!(part, "n" | "b" | "is" | "add"))
        };
        self.within(name).all(|(found, value)| value.trim().is_empty() || is_note(found))
    }

    /// Removes a field and all that are inside of it.
    pub(super) fn take(&mut self, name: &str) -> Vec<(String, String)> {
        let inside: Vec<String> = self.within(name).map(|(found, _)| found.to_owned()).collect();
        let taken = inside.into_iter().filter_map(|found| {
            let value = self.0.remove(&found)?;
            Some((found.strip_prefix(name)?.to_owned(), value))
        });
        taken.collect()
    }

    /// Adds what was taken, under another name.
    pub(super) fn put(&mut self, name: &str, taken: Vec<(String, String)>) {
        self.0.extend(taken.into_iter().map(|(rest, value)| (format!("{name}{rest}"), value)));
    }

    /// Whether both have the same values for a field and all inside of it, apart from where its row came from.
    pub(super) fn agree(&self, other: &Self, name: &str) -> bool {
        let origin = part_of(name, "b");
        let values = |fields: &Self| -> Vec<(String, String)> {
            let inside =
                fields.within(name).filter(|(found, _)| *found != origin && !found.ends_with("@add"));
            inside.map(|(found, value)| (found.to_owned(), value.to_owned())).collect()
        };
        values(self) == values(other)
    }

    #[cfg(test)]
    pub(super) fn all(&self) -> Vec<(String, String)> {
        self.0.clone().into_iter().collect()
    }
}

fn part_of(name: &str, part: &str) -> String {
    format!("{name}@{part}")
}

/// The name of a member.
pub(super) fn member(name: &str, member: &str) -> String {
    format!("{name}/{}", member.replace('~', "~0").replace('/', "~1").replace('@', "~2"))
}

/// The name of a row.
pub(super) fn row(name: &str, number: impl fmt::Display) -> String {
    format!("{name}/{number}")
}

/// The JSON pointer of a member.
pub(crate) fn pointer(of: &str, member: &str) -> String {
    format!("{of}/{}", member.replace('~', "~0").replace('/', "~1"))
}
