//! Triggers on the tables of another system that carry each of its changes into novi's rows, in the same transaction.
//!
//! Views describe the flags that an import of the same tables would write, and a procedure brings a flag in step with
//! its view. What SQL cannot map exactly is left as it is, and recorded in a table of theirs.

mod dialect;
mod scripts;
mod system;
mod views;

pub use self::{scripts::Scripts, system::Followed};
use crate::{
    options::Options,
    table::{Row, TableSpec, Tables},
};

/// The table of novi's flags.
pub const NOVI: TableSpec = TableSpec::required("flags", &["name"]);

/// The reason in the history of what the triggers change. The scripts have it, too.
#[must_use]
pub fn reason(system: &str) -> String {
    format!("Change in {system}")
}

/// A flag of the other system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feature {
    /// Its name.
    pub name: String,
    /// Why triggers cannot follow it, if they cannot.
    pub problem: Option<String>,
    /// Whether novi had a flag of the name that is not of the system.
    pub is_foreign: bool,
}

/// What triggers were created for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The attribute that identifies callers.
    pub by: String,
    /// What the names of the old tables begin with, before their usual names.
    pub table_prefix: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { by: Options::default().by, table_prefix: String::new() }
    }
}

impl Settings {
    /// The settings in [`Followed::settings`].
    #[must_use]
    pub fn of(tables: &Tables, spec: &TableSpec) -> Self {
        let value = |name: &str| {
            let row = tables.rows(spec.name).iter().find(|row| row.text("name") == name);
            row.map(|row| row.text("value").to_owned())
        };
        let default = Self::default();
        Self {
            by: value("by").unwrap_or(default.by),
            table_prefix: value("table_prefix").unwrap_or_default(),
        }
    }
}

/// The features of [`Followed::followed`] or [`Followed::found`]; `None` if the database does not have the table.
#[must_use]
pub fn features(tables: &Tables, spec: &TableSpec) -> Option<Vec<Feature>> {
    let feature = |row: &Row| Feature {
        name: row.text("feature").to_owned(),
        problem: row.get("problem").map(str::to_owned),
        is_foreign: row.is_true("is_foreign"),
    };
    tables.has(spec.name).then(|| tables.rows(spec.name).iter().map(feature).collect())
}
