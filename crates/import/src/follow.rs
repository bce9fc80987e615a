//! Triggers on the tables of another system that carry each of its changes into novi's rows, in the same transaction.
//!
//! The scripts of `follow/` write the rows that an import of the same tables would write. What SQL cannot map exactly
//! is left as it is, and recorded in a table of theirs.

use crate::{
    error::ImportError,
    table::{TableSpec, Tables},
};

/// The table of features that are followed.
pub const FOLLOWED: TableSpec =
    TableSpec::optional("legacy_flipper_follow", &["feature", "problem", "is_foreign"]);

/// The view of all features, which the triggers read.
pub const FOUND: TableSpec = TableSpec::required("legacy_flipper", &["feature", "problem"]);

/// Brings the table of followed features in step after an import. All databases have it in the same words.
const SETTLE: &str = "
delete from {{p}}legacy_flipper_follow where feature not in (select feature from {{p}}legacy_flipper);
insert into {{p}}legacy_flipper_follow (feature) select feature from {{p}}legacy_flipper
where feature not in (select feature from {{p}}legacy_flipper_follow);
update {{p}}legacy_flipper_follow set is_foreign = false, problem =
  (select problem from {{p}}legacy_flipper found where found.feature = {{p}}legacy_flipper_follow.feature);
";

/// A feature of the other system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feature {
    /// Its name.
    pub name: String,
    /// Why triggers cannot follow it, if they cannot.
    pub problem: Option<String>,
    /// Whether novi had a flag of the name that is not of the system.
    pub is_foreign: bool,
}

/// The scripts that follow Flipper, for one database.
#[derive(Clone, Debug)]
pub struct Scripts {
    start: &'static str,
    stop: &'static str,
    values: [(&'static str, String); 4],
}

impl Scripts {
    /// The scripts for the database at an address. `by` is the attribute that identifies callers.
    ///
    /// # Errors
    /// If the address is not one of SQLite, PostgreSQL or MySQL, or a name has other characters than letters, digits
    /// and some signs.
    pub fn new(url: &str, novi_prefix: &str, table_prefix: &str, by: &str) -> Result<Self, ImportError> {
        let is_plain = |text: &str, others: &[u8]| {
            text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || others.contains(&byte))
        };
        if !is_plain(table_prefix, b"") {
            return Err(ImportError::new(format!(
                "table_prefix: expected letters, digits and underscores, found {table_prefix:?}"
            )));
        }
        if by.is_empty() || !is_plain(by, b".-") {
            return Err(ImportError::new(format!(
                "by: expected an attribute of letters, digits, `_`, `.` and `-`, found {by:?}"
            )));
        }
        let (start, stop, quote) = match url.split_once(':').map_or("", |(scheme, _)| scheme) {
            "sqlite" => (
                include_str!("follow/flipper.sqlite.sql"),
                include_str!("follow/flipper.sqlite.stop.sql"),
                '"',
            ),
            "postgres" | "postgresql" => (
                include_str!("follow/flipper.postgres.sql"),
                include_str!("follow/flipper.postgres.stop.sql"),
                '"',
            ),
            "mysql" | "mariadb" => {
                (include_str!("follow/flipper.mysql.sql"), include_str!("follow/flipper.mysql.stop.sql"), '`')
            }
            _ => return Err(ImportError::new("expected a database of SQLite, PostgreSQL, MySQL or MariaDB")),
        };
        let of_default = by == crate::config::DEFAULT_KEY;
        let by = if of_default { String::new() } else { format!(",\"by\":\"{by}\"") };
        let table = |name: &str| format!("{quote}{table_prefix}{name}{quote}");
        let values = [
            ("{{p}}", novi_prefix.to_owned()),
            ("{{by}}", by),
            ("{{features}}", table("flipper_features")),
            ("{{gates}}", table("flipper_gates")),
        ];
        Ok(Self { start, stop, values })
    }

    /// Creates the triggers and what they need.
    #[must_use]
    pub fn start(&self) -> String {
        self.filled(self.start)
    }

    /// Records that all features are in step, after an import.
    #[must_use]
    pub fn settle(&self) -> String {
        self.filled(SETTLE)
    }

    /// Drops everything that [`start`](Self::start) created.
    #[must_use]
    pub fn stop(&self) -> String {
        self.filled(self.stop)
    }

    fn filled(&self, script: &str) -> String {
        self.values.iter().fold(script.to_owned(), |text, (name, value)| text.replace(name, value))
    }
}

/// The features of [`FOLLOWED`] or [`FOUND`]; `None` if the database does not have the table.
#[must_use]
pub fn features(tables: &Tables, spec: &TableSpec) -> Option<Vec<Feature>> {
    let feature = |row: &crate::table::Row| Feature {
        name: row.text("feature").to_owned(),
        problem: row.get("problem").map(str::to_owned),
        is_foreign: row.is_true("is_foreign"),
    };
    tables.has(spec.name).then(|| tables.rows(spec.name).iter().map(feature).collect())
}
