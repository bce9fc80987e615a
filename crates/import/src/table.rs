//! Rows of the tables of another system, as text.

use std::collections::BTreeMap;

/// A table that a system has, and what is read of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableSpec {
    /// The name, without a prefix.
    pub name: &'static str,
    /// The columns. The first of them orders the rows.
    pub columns: &'static [&'static str],
    /// A source without the table is read, too.
    pub is_optional: bool,
}

impl TableSpec {
    pub(crate) const fn required(name: &'static str, columns: &'static [&'static str]) -> Self {
        Self { name, columns, is_optional: false }
    }

    pub(crate) const fn optional(name: &'static str, columns: &'static [&'static str]) -> Self {
        Self { name, columns, is_optional: true }
    }
}

/// A table as a database has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundTable {
    /// Its name, whose case may differ from the usual one.
    pub(crate) name: String,
    /// The collations of its columns of text. Only MySQL needs them.
    pub(crate) collations: BTreeMap<String, String>,
}

/// The rows of the tables of a system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tables(BTreeMap<&'static str, Vec<Row>>);

/// A row: its values by column, as text. A column that is null has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row(BTreeMap<&'static str, String>);

impl Tables {
    /// Adds a table: the values of each row, in the order of its columns.
    pub fn insert(&mut self, spec: &TableSpec, rows: impl IntoIterator<Item = Vec<Option<String>>>) {
        let row = |values: Vec<Option<String>>| {
            let found = spec.columns.iter().zip(values).filter_map(|(column, value)| Some((*column, value?)));
            Row(found.collect())
        };
        self.0.insert(spec.name, rows.into_iter().map(row).collect());
    }

    /// Whether the source has a table.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The rows of a table; none if the source does not have it.
    pub(crate) fn rows(&self, name: &str) -> &[Row] {
        self.0.get(name).map(Vec::as_slice).unwrap_or_default()
    }
}

impl Row {
    /// The text of a column, if it is not null.
    pub(crate) fn get(&self, column: &str) -> Option<&str> {
        self.0.get(column).map(String::as_str)
    }

    /// The text of a column; empty if it is null.
    pub(crate) fn text(&self, column: &str) -> &str {
        self.get(column).unwrap_or_default()
    }

    /// A boolean, as each database writes it as text.
    pub(crate) fn is_true(&self, column: &str) -> bool {
        matches!(self.get(column), Some("1" | "t" | "true"))
    }
}
