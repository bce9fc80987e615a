//! The names of novi's tables in a database: those of its SQL, or, with the setting `table_prefix`, others.
//! Its SQL is written with the names that have no prefix, and translated where a statement is run.

use std::{borrow::Cow, sync::Arc};

use crate::store::sql::schema::TABLES;

/// The words in front of a name in a string: in SQL that is put together there, and where the catalog is
/// asked. Other strings are values: an entity of the history stays `'flags'`. Only names that begin with
/// `novi_` are never values.
const BEFORE_NAMES: [&str; 14] = [
    "array",
    "column_name",
    "conrelid",
    "constraint",
    "constraint_name",
    "exists",
    "from",
    "index",
    "into",
    "on",
    "references",
    "table",
    "table_name",
    "to_regclass",
];

/// How the names of novi's objects begin in a database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    prefix: Option<Arc<str>>,
}

/// The names without a prefix.
pub(super) static PLAIN: Names = Names { prefix: None };

impl Names {
    /// The names with a prefix that is [valid](crate::store::table_prefix::check).
    pub(in crate::store) fn new(prefix: &str) -> Self {
        Self { prefix: (!prefix.is_empty()).then(|| prefix.into()) }
    }

    pub(in crate::store) fn prefix(&self) -> &str {
        self.prefix.as_deref().unwrap_or_default()
    }

    /// The name in the database.
    pub(super) fn of(&self, name: &str) -> String {
        format!("{}{name}", self.prefix())
    }

    /// The name in novi's SQL; `None` for the name of something else.
    pub(super) fn plain<'a>(&self, name: &'a str) -> Option<&'a str> {
        name.strip_prefix(self.prefix())
    }

    /// Makes the name that in novi's SQL; `false` for the name of something else.
    pub(super) fn strip(&self, name: &mut String) -> bool {
        let is_own = name.starts_with(self.prefix());
        if is_own {
            name.drain(..self.prefix().len());
        }
        is_own
    }

    /// Translates novi's own SQL.
    pub(super) fn sql<'a>(&self, sql: impl Into<Cow<'a, str>>) -> Cow<'a, str> {
        let sql = sql.into();
        match &self.prefix {
            None => sql,
            Some(prefix) => translated(&sql, prefix).into(),
        }
    }
}

/// Whether novi gives this name to a table, an index, a constraint, a trigger, a function or a view. They
/// begin with `novi_` or with the name of a table.
fn is_own(word: &str) -> bool {
    let is_of =
        |table: &str| word.strip_prefix(table).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'));
    word.strip_prefix("novi_").is_some_and(|rest| !rest.is_empty())
        || TABLES.iter().any(|table| is_of(table.name))
}

fn translated(sql: &str, prefix: &str) -> String {
    let mut text = String::with_capacity(sql.len() + sql.len() / 4);
    let (mut rest, mut before, mut in_string) = (sql, "", false);
    while !rest.is_empty() {
        let (token, after) = rest.split_at(token_length(rest, in_string));
        rest = after;
        in_string ^= token == "'";
        if !token.starts_with(is_part_of_word) {
            text.push_str(token);
            continue;
        }
        let is_whole_string = in_string && text.ends_with('\'') && after.starts_with('\'');
        let is_name = match token {
            // The channel of notifications has the name of novi.
            "novi" => is_whole_string,
            _ if in_string => is_own(token) && (token.starts_with("novi_") || BEFORE_NAMES.contains(&before)),
            _ => is_own(token),
        };
        match token {
            // The table of a trigger as a value. After the schema it is a name.
            "tg_table_name" if before != "tg_table_schema" => {
                text.extend(["substr(tg_table_name, ", &(prefix.len() + 1).to_string(), ")"]);
            }
            // A pattern.
            "novi" if after.starts_with(r"\_") => text.extend([prefix.replace('_', r"\_").as_str(), token]),
            _ if is_name => text.extend([prefix, token]),
            _ => text.push_str(token),
        }
        // The members of a list of strings all follow the word in front of the list.
        if !is_whole_string && token != "in" {
            before = token;
        }
    }
    text
}

/// The length of what a text begins with: a comment, a variable of the session, a word, or one character.
fn token_length(text: &str, in_string: bool) -> usize {
    let word = |from: usize| {
        let end = text.get(from..).and_then(|rest| rest.find(|letter| !is_part_of_word(letter)));
        end.map_or(text.len(), |end| from + end)
    };
    match text.chars().next() {
        Some('-') if !in_string && text.starts_with("--") => text.find('\n').unwrap_or(text.len()),
        Some('@') => word(1),
        Some(first) if is_part_of_word(first) => word(0),
        first => first.map_or(0, char::len_utf8),
    }
}

fn is_part_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const MIGRATIONS: [&str; 9] = [
        include_str!("../../../migrations/sqlite/0001_novi.sql"),
        include_str!("../../../migrations/postgres/0001_novi.sql"),
        include_str!("../../../migrations/mysql/0001_novi.sql"),
        include_str!("../../../migrations/sqlite/0002_evaluations.sql"),
        include_str!("../../../migrations/postgres/0002_evaluations.sql"),
        include_str!("../../../migrations/mysql/0002_evaluations.sql"),
        include_str!("../../../migrations/sqlite/0003_assignments.sql"),
        include_str!("../../../migrations/postgres/0003_assignments.sql"),
        include_str!("../../../migrations/mysql/0003_assignments.sql"),
    ];

    fn acme(sql: &str) -> String {
        Names::new("acme_").sql(sql).into_owned()
    }

    #[test]
    fn without_a_prefix_nothing_is_copied() {
        let sql = Names::new("").sql("select count(*) from flags");
        assert!(matches!(sql, Cow::Borrowed("select count(*) from flags")));
        assert_eq!((PLAIN.of("flags"), PLAIN.plain("flags")), ("flags".to_owned(), Some("flags")));
    }

    #[test]
    fn names_get_the_prefix_and_values_do_not() {
        for (sql, expected) in [
            (
                "select id from flags where exists (select 1 from flag_metadata m where m.flag_id = flags.id)",
                "select id from acme_flags where exists (select 1 from acme_flag_metadata m where m.flag_id = acme_flags.id)",
            ),
            (
                "insert into flag_history (entity, entity_id) values (0, 'flags', new.id) -- of flags",
                "insert into acme_flag_history (entity, entity_id) values (0, 'flags', new.id) -- of flags",
            ),
            (
                "select id from flag_history where entity in ('flags', 'flag_metadata') and after = 'it''s from flags'",
                "select id from acme_flag_history where entity in ('flags', 'flag_metadata') and after = 'it''s from acme_flags'",
            ),
            ("set @novi_actor = ?, x = novi_actor()", "set @novi_actor = ?, x = acme_novi_actor()"),
            (
                "table_name = 'flags' and column_name = 'name'",
                "table_name = 'acme_flags' and column_name = 'name'",
            ),
            (
                "(table_name, column_name) in (('flags', 'name'), ('activations', 'name'))",
                "(table_name, column_name) in (('acme_flags', 'name'), ('acme_activations', 'name'))",
            ),
            (
                "array['flags', 'novi_tokens'] || 'flags'",
                "array['acme_flags', 'acme_novi_tokens'] || 'acme_flags'",
            ),
            (
                "execute format('insert into flag_history select novi_actor(), ''flags''')",
                "execute format('insert into acme_flag_history select acme_novi_actor(), ''flags''')",
            ),
            (r"tgname like 'novi\_%'", r"tgname like 'acme\_novi\_%'"),
            (
                "pg_notify('novi', current_setting('novi.actor'))",
                "pg_notify('acme_novi', current_setting('novi.actor'))",
            ),
            (
                "format('%I.%I', tg_table_schema, tg_table_name) || tg_table_name",
                "format('%I.%I', tg_table_schema, tg_table_name) || substr(tg_table_name, 6)",
            ),
            (
                "set constraints novi_bump, novi_commit immediate",
                "set constraints acme_novi_bump, acme_novi_commit immediate",
            ),
            ("concat('novi_', database())", "concat('novi_', database())"),
            ("é'é--flags' flags", "é'é--flags' acme_flags"),
        ] {
            assert_eq!(acme(sql), expected);
        }
    }

    /// Strings that have one of novi's names and no prefix.
    fn values(sql: &str) -> BTreeSet<&str> {
        let code = sql.lines().filter(|line| !line.trim_start().starts_with("--"));
        let strings = code.flat_map(|line| line.split('\'').skip(1).step_by(2));
        strings
            .filter(|text| text.split(|letter: char| letter != '_' && !letter.is_alphanumeric()).any(is_own))
            .collect()
    }

    #[test]
    fn migrations_have_no_name_without_the_prefix() {
        let mut left = BTreeSet::new();
        for sql in MIGRATIONS {
            let with = acme(sql);
            assert_eq!(
                with.replace("substr(tg_table_name, 6)", "tg_table_name")
                    .replace("acme_", "")
                    .replace(r"acme\_", ""),
                sql
            );
            left.extend(values(&with).into_iter().map(str::to_owned));
        }
        // Entities of the history, and sentences.
        insta::assert_debug_snapshot!(left, @r#"
        {
            ", @novi_collation, ",
            "Evaluations of flags by hour and result; old hours are deleted; may be emptied",
            "The conditions under which flags are on",
            "The flags",
            "The revision of the flags that assigned it",
            "Versions of activations; a trigger adds the row of a new activation",
            "When flags were last evaluated, for `novi stale`; may be emptied",
            "Which activations a flag has: all of them must be on; a flag without any is on",
            "activation_members",
            "activations",
            "activations.id",
            "activations.id; an activation with links cannot be deleted",
            "activations.id; members are deleted with their activation",
            "flag_metadata",
            "flags",
            "flags are linked to this activation: unlink them first",
            "flags.id",
            "flags.id; the link is deleted with the flag",
            "flags_activations",
        }
        "#);
    }

    #[test]
    fn names_fit_with_the_longest_prefix() {
        let words = MIGRATIONS
            .into_iter()
            .flat_map(|sql| sql.split(|letter: char| letter != '_' && !letter.is_alphanumeric()));
        let longest = words.filter(|word| is_own(word)).max_by_key(|word| word.len()).unwrap();
        assert!(longest.len() + 20 <= 63, "{longest} has {} characters", longest.len());
    }
}
