//! The scripts that follow a system, for one database.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{NOVI, Settings, dialect::Dialect, system::Followed, views::Source};
use crate::{config::DEFAULT_KEY, error::ImportError, table::FoundTable};

/// Brings the table of followed features in step after an import. All databases have it in the same words.
const SETTLE: &str = "
delete from {{p}}legacy_{{s}}_follow where feature not in (select feature from {{p}}legacy_{{s}});
insert into {{p}}legacy_{{s}}_follow (feature) select feature from {{p}}legacy_{{s}}
where feature not in (select feature from {{p}}legacy_{{s}}_follow);
update {{p}}legacy_{{s}}_follow set is_foreign = false, problem =
  (select problem from {{p}}legacy_{{s}} found where found.feature = {{p}}legacy_{{s}}_follow.feature);
";

/// The scripts that follow a system, for one database.
#[derive(Clone, Debug)]
pub struct Scripts {
    start: String,
    settle: String,
    dialect: Dialect,
    novi_prefix: String,
}

impl Scripts {
    /// The scripts for the database at an address. `tables` has those that were found in it; the others have
    /// their usual names.
    ///
    /// # Errors
    /// If the address is not one of SQLite, PostgreSQL or MySQL, or a setting has other characters than letters, digits
    /// and some signs.
    pub fn new(
        system: Followed,
        url: &str,
        novi_prefix: &str,
        settings: &Settings,
        tables: &BTreeMap<&'static str, FoundTable>,
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
        let dialect = Dialect::of(url)?;
        let of_default = settings.by == DEFAULT_KEY;
        let of_by = if of_default { String::new() } else { format!(",\"by\":\"{by}\"") };
        let collation = tables.get(NOVI.name).and_then(|table| table.collations.get("name"));
        let collation = collation.map_or("utf8mb4_bin", String::as_str);
        let mut values = values(system, dialect, novi_prefix, &of_by, collation);
        let mut found = tables.clone();
        for spec in system.tables() {
            let usual =
                || FoundTable { name: format!("{table_prefix}{}", spec.name), ..FoundTable::default() };
            let name = &found.entry(spec.name).or_insert_with(usual).name;
            values.push((format!("{{{{{}}}}}", spec.name), dialect.quoted(name)));
        }
        let start = format!("{novi_prefix}legacy_{}", system.id());
        let source = Source { dialect, start: &start, by: &of_by, tables: &found, is_narrow: false };
        let settle = filled(SETTLE, &values);
        let start = filled(&start_script(system, source)?, &values)
            + &format!(
                "\ninsert into {novi_prefix}legacy_{}_options (name, value) values ('by', '{by}'), ('table_prefix', \
                 '{table_prefix}');\n",
                system.id()
            );
        Ok(Self { start, settle, dialect, novi_prefix: novi_prefix.to_owned() })
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
            let _ = match (kind, self.dialect) {
                // Dropped with its function. Its table may be gone.
                ("trigger", Dialect::Postgres) => Ok(()),
                // MySQL cannot drop an index only if it exists.
                ("index", _) if self.dialect == Dialect::MySql => writeln!(
                    script,
                    "set @novi_drop = (select if(count(*) > 0, 'drop index {name} on {0}activations', 'do 0') from \
                     information_schema.statistics where table_schema = database() and index_name = '{name}');\n\
                     prepare novi_drop from @novi_drop;\nexecute novi_drop;\ndeallocate prepare novi_drop;",
                    self.novi_prefix
                ),
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

/// The script that creates everything, with placeholders for names.
fn start_script(system: Followed, source: Source<'_>) -> Result<String, ImportError> {
    let dialect = source.dialect;
    let mut script = dialect.apply().replace("{{views}}", &source.views(system)?);
    if dialect == Dialect::MySql {
        script = script.replace("{{the_flags}}", &source.narrow(system, "flags")?);
        script = script.replace("{{the_members}}", &source.narrow(system, "members")?);
    }
    for (table, query) in system.queries() {
        let values = [
            ("{{old}}".to_owned(), query.replace("{{row}}", "old")),
            ("{{new}}".to_owned(), query.replace("{{row}}", "new")),
            ("{{table}}".to_owned(), (*table).to_owned()),
        ];
        script.push('\n');
        script += &filled(dialect.trigger(), &values);
    }
    Ok(script)
}

fn values(
    system: Followed,
    dialect: Dialect,
    novi_prefix: &str,
    by: &str,
    novi_collation: &str,
) -> Vec<(String, String)> {
    let (members, conditions) = system.activations();
    let quote = dialect.quote().to_string();
    let values = [
        ("{{p}}", novi_prefix),
        ("{{s}}", system.id()),
        ("{{label}}", system.name()),
        ("{{members}}", members),
        ("{{conditions}}", conditions),
        ("{{by}}", by),
        ("{{q}}", &quote),
        ("{{novi}}", novi_collation),
    ];
    values.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

fn is_plain(text: &str, others: &[u8]) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || others.contains(&byte))
}

fn filled(script: &str, values: &[(String, String)]) -> String {
    values.iter().fold(script.to_owned(), |text, (name, value)| text.replace(name, value))
}
