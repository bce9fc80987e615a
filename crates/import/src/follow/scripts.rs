//! The scripts that follow a system, for one database.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{Settings, system::Followed};
use crate::{config::DEFAULT_KEY, error::ImportError};

/// Brings the table of followed features in step after an import. All databases have it in the same words.
const SETTLE: &str = "
delete from {{p}}legacy_{{s}}_follow where feature not in (select feature from {{p}}legacy_{{s}});
insert into {{p}}legacy_{{s}}_follow (feature) select feature from {{p}}legacy_{{s}}
where feature not in (select feature from {{p}}legacy_{{s}}_follow);
update {{p}}legacy_{{s}}_follow set is_foreign = false, problem =
  (select problem from {{p}}legacy_{{s}} found where found.feature = {{p}}legacy_{{s}}_follow.feature);
";

/// What Rust takes for a blank, except for the space.
const BLANKS: &str = "\t\n\u{b}\u{c}\r\u{85}\u{a0}\u{1680}\u{2000}\u{2001}\u{2002}\u{2003}\u{2004}\u{2005}\u{2006}\
    \u{2007}\u{2008}\u{2009}\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}";

/// The scripts that follow a system, for one database.
#[derive(Clone, Debug)]
pub struct Scripts {
    start: String,
    settle: String,
    is_postgres: bool,
}

/// The parts of a script, in the SQL of a database.
struct Parts {
    apply: &'static str,
    views: &'static str,
    trigger: &'static str,
    quote: &'static str,
}

impl Scripts {
    /// The scripts for the database at an address. `names` has the names that tables have in it, where they differ from
    /// their usual ones.
    ///
    /// # Errors
    /// If the address is not one of SQLite, PostgreSQL or MySQL, or a setting has other characters than letters, digits
    /// and some signs.
    pub fn new(
        system: Followed,
        url: &str,
        novi_prefix: &str,
        settings: &Settings,
        names: &BTreeMap<&'static str, String>,
    ) -> Result<Self, ImportError> {
        let Settings { by, table_prefix } = settings;
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
        let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
        let parts = Parts::of(system, scheme)?;
        let mut values = parts.values(system, novi_prefix, settings);
        for spec in system.tables() {
            let usual = format!("{table_prefix}{}", spec.name);
            let name = names.get(spec.name).unwrap_or(&usual);
            let quoted = format!("{0}{1}{0}", parts.quote, name.replace(parts.quote, &parts.quote.repeat(2)));
            values.push((format!("{{{{{}}}}}", spec.name), quoted));
        }
        let settle = filled(SETTLE, &values);
        let start = filled(&parts.start(system), &values)
            + &format!(
                "\ninsert into {novi_prefix}legacy_{}_options (name, value) values ('by', '{by}'), ('table_prefix', \
                 '{table_prefix}');\n",
                system.id()
            );
        Ok(Self { start, settle, is_postgres: matches!(scheme, "postgres" | "postgresql") })
    }

    /// Creates the triggers and what they need.
    #[must_use]
    pub fn start(&self) -> &str {
        &self.start
    }

    /// Records that all features are in step, after an import.
    #[must_use]
    pub fn settle(&self) -> &str {
        &self.settle
    }

    /// Drops everything that [`start`](Self::start) creates.
    #[must_use]
    pub fn stop(&self) -> String {
        let mut script = String::new();
        for (kind, name) in self.created().rev() {
            let _ = match (kind, self.is_postgres) {
                // Dropped with its function. Its table may be gone.
                ("trigger", true) => Ok(()),
                ("function", _) => writeln!(script, "drop function if exists {name} cascade;"),
                _ => writeln!(script, "drop {kind} if exists {name};"),
            };
        }
        script
    }

    /// The names of the triggers on the old tables, and of those that they use.
    pub fn triggers(&self) -> impl Iterator<Item = &str> {
        self.created().filter(|(kind, _)| *kind == "trigger").map(|(_, name)| name)
    }

    /// The kind and the name of all that is created, in this order.
    fn created(&self) -> impl DoubleEndedIterator<Item = (&str, &str)> {
        self.start.lines().filter_map(|line| {
            let (kind, rest) = line.strip_prefix("create ")?.split_once(' ')?;
            let end = rest.find([' ', '(']).unwrap_or(rest.len());
            Some((kind, rest.get(..end)?))
        })
    }
}

impl Parts {
    fn of(system: Followed, scheme: &str) -> Result<Self, ImportError> {
        let views = system.views();
        Ok(match scheme {
            "sqlite" => Self {
                apply: include_str!("apply.sqlite.sql"),
                views: views.sqlite,
                trigger: include_str!("trigger.sqlite.sql"),
                quote: "\"",
            },
            "postgres" | "postgresql" => Self {
                apply: include_str!("apply.postgres.sql"),
                views: views.postgres,
                trigger: include_str!("trigger.postgres.sql"),
                quote: "\"",
            },
            "mysql" | "mariadb" => Self {
                apply: include_str!("apply.mysql.sql"),
                views: views.mysql,
                trigger: include_str!("trigger.mysql.sql"),
                quote: "`",
            },
            _ => return Err(ImportError::new("expected a database of SQLite, PostgreSQL, MySQL or MariaDB")),
        })
    }

    /// The script that creates everything, with placeholders for names.
    fn start(&self, system: Followed) -> String {
        let mut script = self.apply.replace("{{views}}", self.views);
        for (table, query) in system.queries() {
            let values = [
                ("{{old}}".to_owned(), query.replace("{{row}}", "old")),
                ("{{new}}".to_owned(), query.replace("{{row}}", "new")),
                ("{{table}}".to_owned(), (*table).to_owned()),
            ];
            script.push('\n');
            script += &filled(self.trigger, &values);
        }
        script
    }

    fn values(&self, system: Followed, novi_prefix: &str, settings: &Settings) -> Vec<(String, String)> {
        let (members, conditions) = system.activations();
        let of_default = settings.by == DEFAULT_KEY;
        let by = if of_default { String::new() } else { format!(",\"by\":\"{}\"", settings.by) };
        let values = [
            ("{{p}}", novi_prefix),
            ("{{s}}", system.id()),
            ("{{label}}", system.name()),
            ("{{members}}", members),
            ("{{conditions}}", conditions),
            ("{{by}}", &by),
            ("{{q}}", self.quote),
            ("{{blanks}}", BLANKS),
        ];
        values.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }
}

fn is_plain(text: &str, others: &[u8]) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || others.contains(&byte))
}

fn filled(script: &str, values: &[(String, String)]) -> String {
    values.iter().fold(script.to_owned(), |text, (name, value)| text.replace(name, value))
}
