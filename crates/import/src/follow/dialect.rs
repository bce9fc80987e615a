//! The parts of SQL that databases write differently.

use crate::error::ImportError;

/// The SQL of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
    /// `||` joins texts here as well: connections have the mode `PIPES_AS_CONCAT`.
    MySql,
}

impl Dialect {
    pub(super) fn of(url: &str) -> Result<Self, ImportError> {
        match url.split_once(':').map_or("", |(scheme, _)| scheme) {
            "sqlite" => Ok(Self::Sqlite),
            "postgres" | "postgresql" => Ok(Self::Postgres),
            "mysql" | "mariadb" => Ok(Self::MySql),
            _ => Err(ImportError::new("expected a database of SQLite, PostgreSQL, MySQL or MariaDB")),
        }
    }

    /// The script that brings a flag in step.
    pub(super) const fn apply(self) -> &'static str {
        match self {
            Self::Sqlite => include_str!("apply.sqlite.sql"),
            Self::Postgres => include_str!("apply.postgres.sql"),
            Self::MySql => include_str!("apply.mysql.sql"),
        }
    }

    /// The triggers on a table.
    pub(super) const fn trigger(self) -> &'static str {
        match self {
            Self::Sqlite => include_str!("trigger.sqlite.sql"),
            Self::Postgres => include_str!("trigger.postgres.sql"),
            Self::MySql => include_str!("trigger.mysql.sql"),
        }
    }

    pub(super) const fn quote(self) -> char {
        match self {
            Self::MySql => '`',
            Self::Sqlite | Self::Postgres => '"',
        }
    }

    pub(super) fn quoted(self, name: &str) -> String {
        let quote = self.quote();
        format!("{quote}{}{quote}", name.replace(quote, &format!("{quote}{quote}")))
    }

    /// The function that counts characters.
    pub(super) const fn length(self) -> &'static str {
        match self {
            Self::MySql => "char_length",
            Self::Sqlite | Self::Postgres => "length",
        }
    }

    /// A column of text. SQLite has it as it is, since it would not look for a converted one in an index.
    pub(super) fn name(self, column: &str) -> String {
        match self {
            Self::Sqlite => column.to_owned(),
            Self::Postgres => format!("cast({column} as text)"),
            Self::MySql => format!("convert({column} using utf8mb4) collate utf8mb4_bin"),
        }
    }

    /// Any value as text.
    pub(super) fn text(self, value: &str) -> String {
        match self {
            Self::Sqlite | Self::Postgres => format!("cast({value} as text)"),
            Self::MySql => self.name(value),
        }
    }

    /// A column of numbers, which can be text in SQLite.
    pub(super) fn number(self, value: &str) -> String {
        match self {
            Self::Sqlite => format!("cast({value} as real)"),
            Self::Postgres | Self::MySql => value.to_owned(),
        }
    }

    /// The integer of a text of digits.
    pub(super) fn integer(self, value: &str) -> String {
        match self {
            Self::Sqlite | Self::Postgres => format!("cast({value} as integer)"),
            Self::MySql => format!("cast({value} as signed)"),
        }
    }

    /// A number without zeros at its end.
    pub(super) fn plain_number(self, text: &str) -> String {
        let trimmed = match self {
            Self::Sqlite | Self::Postgres => format!("rtrim(rtrim({text}, '0'), '.')"),
            Self::MySql => format!("trim(trailing '.' from trim(trailing '0' from {text}))"),
        };
        format!("case when {text} like '%.%' then {trimmed} else {text} end")
    }

    /// Whether a text is a number from 0 to 100 with at most five decimals.
    pub(super) fn is_share(self, text: &str) -> String {
        let pattern = "^((0|[1-9][0-9]?)([.][0-9]{1,5})?|100([.]0{1,4})?)$";
        match self {
            Self::Sqlite => format!(
                "({text} glob '[0-9]*' and {text} not glob '*[^0-9.]*' and {text} not glob '*.*.*' and {text} not glob \
                 '*.' and {text} not glob '0[0-9]*' and length({text}) <= 8 and cast({text} as real) <= 100)"
            ),
            Self::Postgres => format!("({text} ~ '{pattern}')"),
            Self::MySql => format!("({text} regexp '{pattern}')"),
        }
    }

    /// Whether a text has one of some letters, which are the inside of a bracket expression.
    pub(super) fn has(self, text: &str, letters: &str) -> String {
        match self {
            Self::Sqlite => format!("{text} glob '*[{letters}]*'"),
            Self::Postgres => format!("{text} ~ '[{letters}]'"),
            Self::MySql => format!("{text} regexp '[{letters}]'"),
        }
    }

    /// Whether a text is as a pattern of bracket expressions and plain letters.
    pub(super) fn is_like(self, text: &str, pattern: &str) -> String {
        match self {
            Self::Sqlite => format!("{text} glob '{pattern}'"),
            Self::Postgres => format!("{text} ~ '^{pattern}$'"),
            Self::MySql => format!("{text} regexp '^{pattern}$'"),
        }
    }

    /// The place of a part of a text, from 1, or 0.
    pub(super) fn find(self, text: &str, part: &str) -> String {
        match self {
            Self::Sqlite | Self::MySql => format!("instr({text}, {part})"),
            Self::Postgres => format!("strpos({text}, {part})"),
        }
    }

    pub(super) fn letter(self, code: u8) -> String {
        match self {
            Self::Sqlite => format!("char({code})"),
            Self::Postgres => format!("chr({code})"),
            // MySQL forgets the character set of `char(10 using utf8mb4)` in a view.
            Self::MySql => format!("convert(char({code}) using utf8mb4) collate utf8mb4_bin"),
        }
    }

    /// The start of a query for texts as the items of a JSON array. It ends with [`list_end`](Self::list_end).
    pub(super) fn list(self, value: &str, order: &str) -> String {
        match self {
            Self::Sqlite => {
                format!("(select group_concat(item) from (select json_quote(cast({value} as text)) as item")
            }
            Self::Postgres => {
                format!("(select string_agg(to_json(cast({value} as text))::text, ',' order by {order})")
            }
            Self::MySql => {
                format!(
                    "(select group_concat(json_quote({}) order by {order} separator ',')",
                    self.name(value)
                )
            }
        }
    }

    pub(super) fn list_end(self, order: &str) -> String {
        match self {
            Self::Sqlite => format!("order by {order}))"),
            Self::Postgres | Self::MySql => ")".to_owned(),
        }
    }
}
