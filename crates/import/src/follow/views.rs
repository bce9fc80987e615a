//! The views of a system in the SQL of a database: which flags an import of its tables would write.

use std::collections::BTreeMap;

use askama::Template;

use super::{dialect::Dialect, system::Followed};
use crate::{error::ImportError, table::FoundTable};

/// What Rust takes for a blank, except for the space.
pub(super) const BLANKS: &str = "\t\n\u{b}\u{c}\r\u{85}\u{a0}\u{1680}\u{2000}\u{2001}\u{2002}\u{2003}\u{2004}\u{2005}\u{2006}\
    \u{2007}\u{2008}\u{2009}\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}";

/// The line before a view in a template, before its name.
const VIEW: &str = "-- view: ";
/// The view with a row for each flag. Its name is the start of the names of the others.
const FLAGS: &str = "flags";

/// What the templates read.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) dialect: Dialect,
    /// What the names of the views begin with, such as `legacy_waffle`.
    pub(super) start: &'a str,
    /// What a config adds for the attribute that identifies callers.
    pub(super) by: &'a str,
    pub(super) tables: &'a BTreeMap<&'static str, FoundTable>,
    /// Whether the queries are narrowed to the flag whose name is the variable `the_feature`. Conditions on a view of
    /// MySQL do not reach the indexes below it: each change of a row would read all rows.
    pub(super) is_narrow: bool,
}

macro_rules! templates {
    ($($name:ident = $path:literal),*) => {$(
        #[derive(Template)]
        #[template(path = $path, escape = "none")]
        struct $name<'a>(Source<'a>);

        impl<'a> std::ops::Deref for $name<'a> {
            type Target = Source<'a>;

            fn deref(&self) -> &Source<'a> {
                &self.0
            }
        }
    )*};
}

templates!(Flipper = "follow/flipper.sql", Waffle = "follow/waffle.sql", Togglz = "follow/togglz.sql");

impl Source<'_> {
    /// The views, as statements.
    pub(super) fn views(self, system: Followed) -> Result<String, ImportError> {
        let views = self.queries(system)?;
        let view =
            |(name, query): &(String, String)| format!("create view {} as\n{query};\n\n", self.view(name));
        Ok(views.iter().map(view).collect())
    }

    /// A query for the rows that a view has of the flag `the_feature`.
    pub(super) fn narrow(self, system: Followed, name: &str) -> Result<String, ImportError> {
        let views = Source { is_narrow: true, ..self }.queries(system)?;
        let before: Vec<String> = views
            .iter()
            .take_while(|(found, _)| found != name)
            .map(|(name, query)| format!("{name} as (\n{query}\n)"))
            .collect();
        let (_, query) = views.iter().find(|(found, _)| found == name).cloned().unwrap_or_default();
        Ok(if before.is_empty() { query } else { format!("with {}\n{query}", before.join(", ")) })
    }

    /// The names of the views, and their queries, each of which reads only those before it.
    fn queries(self, system: Followed) -> Result<Vec<(String, String)>, ImportError> {
        let text = match system {
            Followed::Flipper => Flipper(self).render(),
            Followed::Waffle => Waffle(self).render(),
            Followed::Togglz => Togglz(self).render(),
        };
        let text = text.map_err(|error| ImportError::new(error.to_string()))?;
        let views = text.split(VIEW).filter_map(|view| view.split_once('\n'));
        Ok(views.map(|(name, query)| (name.to_owned(), query.trim_end().to_owned())).collect())
    }

    /// The name of a view of this template.
    fn view(&self, name: &str) -> String {
        match name {
            name if self.is_narrow => name.to_owned(),
            FLAGS => self.start.to_owned(),
            name => format!("{}_{name}", self.start),
        }
    }

    fn table(&self, name: &str) -> String {
        self.dialect.quoted(self.tables.get(name).map_or(name, |table| &table.name))
    }

    /// The condition that a row belongs to the flag, for queries of one. The column may be behind an alias.
    fn only(&self, table: &str, column: &str) -> String {
        if !self.is_narrow {
            return "true".to_owned();
        }
        let name = column.rsplit('.').next().unwrap_or(column);
        let quoted = if name == "key" { self.dialect.quoted(name) } else { column.to_owned() };
        self.is_same(&quoted, table, name, "the_feature")
    }

    /// The condition that two names are equal, by the index of the first, which is a column.
    fn is_same(&self, first: &str, table: &str, column: &str, second: &str) -> String {
        if self.dialect != Dialect::MySql {
            return format!("{first} = {second}");
        }
        // Names in another collation would not be looked up in the index, and the one of the index ignores case.
        let of_index = self.tables.get(table).and_then(|table| table.collations.get(column));
        let exact = format!("{} = {}", self.name(first), self.name(second));
        let Some(collation) = of_index else { return exact };
        let charset = collation.split('_').next().unwrap_or(collation);
        format!("{first} = convert({second} using {charset}) collate {collation} and {exact}")
    }

    fn key(&self) -> String {
        self.name(&self.dialect.quoted("key"))
    }

    /// Whether a name has signs that databases and imports could handle differently.
    fn is_odd_name(&self, name: &str) -> String {
        let length = self.length();
        let odd = self.has(name, "^-A-Za-z0-9_ .:/");
        format!(
            "{odd} or {length}(trim({name})) <> {length}({name}) or {length}({name}) not between 1 and 240"
        )
    }

    /// Whether a text has something else than blanks.
    fn is_text(&self, text: &str) -> String {
        self.has(text, &format!("^ {BLANKS}"))
    }

    /// The value of a parameter in the lines of `source`.
    fn setting(&self, key: &str) -> String {
        let start = self.find("source", "lf || ", &format!("{key} || '='"));
        let rest = format!("substr(source, {start} + {}({key}) + 2)", self.length());
        let end = self.find(&rest, "", "lf");
        format!("case when {start} > 0 then substr({rest}, 1, {end} - 1) else '' end")
    }

    fn quote(&self) -> char {
        self.dialect.quote()
    }

    fn is_cut(&self) -> bool {
        self.dialect == Dialect::MySql
    }

    fn is_postgres(&self) -> bool {
        self.dialect == Dialect::Postgres
    }

    fn length(&self) -> &'static str {
        self.dialect.length()
    }

    fn name(&self, column: &str) -> String {
        self.dialect.name(column)
    }

    fn text(&self, value: &str) -> String {
        self.dialect.text(value)
    }

    fn number(&self, value: &str) -> String {
        self.dialect.number(value)
    }

    fn integer(&self, value: &str) -> String {
        self.dialect.integer(value)
    }

    fn plain_number(&self, text: &str) -> String {
        self.dialect.plain_number(text)
    }

    fn is_share(&self, text: &str) -> String {
        self.dialect.is_share(text)
    }

    fn has(&self, text: &str, letters: &str) -> String {
        self.dialect.has(text, letters)
    }

    fn is_like(&self, text: &str, pattern: &str) -> String {
        self.dialect.is_like(text, pattern)
    }

    fn find(&self, text: &str, start: &str, part: &str) -> String {
        self.dialect.find(text, &format!("{start}{part}"))
    }

    fn letter(&self, code: u8) -> String {
        self.dialect.letter(code)
    }

    fn list(&self, value: &str, order: &str) -> String {
        self.dialect.list(value, order)
    }

    fn list_end(&self, order: &str) -> String {
        self.dialect.list_end(order)
    }

    #[expect(clippy::unused_self, reason = "the templates call methods")]
    fn count(&self, condition: &str) -> String {
        format!("sum(case when {condition} then 1 else 0 end)")
    }
}
