//! The dialects, and how they write names and strings.

use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};

/// The SQL of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// PostgreSQL, 11 and later.
    Postgres,
    /// MySQL, 8.0 and later, and MariaDB, 10.5 and later.
    MySql,
    /// SQLite, 3.34 and later.
    Sqlite,
    /// DuckDB, 1.0 and later.
    DuckDb,
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Postgres => "PostgreSQL",
            Self::MySql => "MySQL",
            Self::Sqlite => "SQLite",
            Self::DuckDb => "DuckDB",
        })
    }
}

impl Dialect {
    /// A name of a column, a table or an attribute. `None` if the dialect cannot write it.
    pub(crate) fn identifier(self, name: &str) -> Option<String> {
        if name.is_empty() || name.contains('\0') {
            return None;
        }
        // SQLite takes an unknown name in double quotes for a string.
        let quote = if matches!(self, Self::MySql | Self::Sqlite) { '`' } else { '"' };
        Some(format!("{quote}{}{quote}", name.replace(quote, &format!("{quote}{quote}"))))
    }

    /// A name with a schema or an alias before it.
    pub(crate) fn path(self, parts: &[String]) -> Option<String> {
        let parts: Option<Vec<String>> = parts.iter().map(|part| self.identifier(part)).collect();
        parts.map(|parts| parts.join("."))
    }

    /// A string, whatever it contains and however the server is set. `None` if no string of the dialect has
    /// it.
    ///
    /// In MySQL, strings other than plain ASCII are bytes, which its text is compared as.
    pub(crate) fn string(self, text: &str) -> Option<String> {
        let quoted = format!("'{}'", text.replace('\'', "''"));
        let is_plain = |text: &str| text.bytes().all(|byte| (0x20..0x7f).contains(&byte) && byte != b'\\');
        match self {
            Self::Postgres if text.contains('\0') => None,
            // A backslash stands for itself here, whatever `standard_conforming_strings` is.
            Self::Postgres if text.contains('\\') => Some(format!("E{}", quoted.replace('\\', "\\\\"))),
            Self::MySql if is_plain(text) => Some(quoted),
            Self::MySql => Some(format!("x'{}'", hex(text))),
            Self::Sqlite if text.contains('\0') => Some(joined(text, "char(0)")),
            Self::DuckDb if text.contains('\0') => Some(joined(text, "chr(0)")),
            Self::Postgres | Self::Sqlite | Self::DuckDb => Some(quoted),
        }
    }

    /// A string that is shown to people, such as a variant.
    pub(crate) fn text(self, text: &str) -> Option<String> {
        let string = self.string(text)?;
        let is_bytes = self == Self::MySql && string.starts_with('x');
        Some(if is_bytes { format!("convert({string} using utf8mb4)") } else { string })
    }
}

fn hex(text: &str) -> String {
    text.bytes().fold(String::new(), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _written = write!(hex, "{byte:02x}");
        hex
    })
}

/// A string with NUL, which the parsers of some dialects end at.
fn joined(text: &str, nul: &str) -> String {
    let parts: Vec<String> = text.split('\0').map(|part| format!("'{}'", part.replace('\'', "''"))).collect();
    format!("({})", parts.join(&format!(" || {nul} || ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_backslashes_end_no_string() {
        let string = |dialect: Dialect, text| dialect.string(text).unwrap_or_default();
        assert_eq!(string(Dialect::Postgres, r"a'b\"), r"E'a''b\\'");
        assert_eq!(string(Dialect::Postgres, "ü;--"), "'ü;--'");
        assert_eq!(Dialect::Postgres.string("\0"), None);
        assert_eq!(string(Dialect::MySql, r"a'b\"), "x'6127625c'");
        assert_eq!(string(Dialect::MySql, "it's"), "'it''s'");
        assert_eq!(string(Dialect::Sqlite, "a\0'"), "('a' || char(0) || '''')");
        assert_eq!(string(Dialect::DuckDb, r"a'b\"), r"'a''b\'");
        assert_eq!(Dialect::Postgres.identifier("a\"b").as_deref(), Some("\"a\"\"b\""));
        assert_eq!(Dialect::MySql.identifier("a`b").as_deref(), Some("`a``b`"));
        assert_eq!(Dialect::DuckDb.identifier("\0"), None);
    }
}
