//! Tests of attributes.

use novi::{
    activation::sql::{Test, TextPlace},
    builtin::Number,
    context::Value,
};

use super::{Operand, Writer};
use crate::{columns::ColumnType, dialect::Dialect};

impl Writer<'_> {
    pub(super) fn test(&mut self, name: &str, test: &Test) -> String {
        let Some(operand) = self.attribute(name) else { return String::new() };
        let sql = &operand.sql;
        match test {
            Test::Exists => format!("{sql} is not null"),
            Test::NotEmpty => self.not_empty(&operand),
            Test::OneOf(values, ignores_case) => self.one_of(&operand, values, *ignores_case, true),
            Test::NoneOf(values, ignores_case) => self.one_of(&operand, values, *ignores_case, false),
            Test::Part(place, parts, ignores_case) if is_text(operand.kind) => {
                self.parts(&operand, *place, parts, *ignores_case)
            }
            Test::Number(bound, number) if is_number(operand.kind) => match Number::from_value(number) {
                Some(number) => self.bound(&operand, *bound, number),
                None => "false".to_owned(),
            },
            Test::Before(_) | Test::After(_) if is_text(operand.kind) => self.refuse(
                "",
                format!("{name:?} is text, and databases do not read times as novi does; store it as a time"),
            ),
            Test::Before(time) if is_time(operand.kind) => self.before(&operand, *time, true),
            Test::After(time) if is_time(operand.kind) => self.before(&operand, *time, false),
            // A value of another type does not pass.
            Test::Part(..) | Test::Number(..) | Test::Before(_) | Test::After(_) => "false".to_owned(),
        }
    }

    /// A test that is false for null and, where values have types of their own, for those of other types.
    pub(super) fn guarded(&self, types: &[&str], sql: &str, test: &str) -> String {
        if self.dialect() != Dialect::Sqlite {
            return format!("coalesce({test}, false)");
        }
        let test = if test.contains(" or ") { format!("({test})") } else { test.to_owned() };
        match types {
            [only] => format!("(typeof({sql}) = '{only}' and {test})"),
            types => format!("(typeof({sql}) in ('{}') and {test})", types.join("', '")),
        }
    }

    /// A column as text that is compared byte by byte.
    pub(super) fn text_of(&self, operand: &Operand) -> String {
        let sql = &operand.sql;
        match self.dialect() {
            Dialect::Postgres => format!("cast({sql} as text) collate \"C\""),
            Dialect::MySql => format!("cast(convert({sql} using utf8mb4) as binary)"),
            Dialect::Sqlite => format!("{sql} collate binary"),
            Dialect::DuckDb => format!("cast({sql} as varchar) collate c"),
        }
    }

    /// The same, with the letters A to Z in lower case. Other letters stay what they are, except the two that
    /// novi takes for `k` and `s`.
    fn folded(&self, operand: &Operand) -> String {
        let sql = &operand.sql;
        match self.dialect() {
            Dialect::Postgres => format!(
                "lower(translate(cast({sql} as text), '\u{212a}\u{17f}', 'ks') collate \"C\") collate \"C\""
            ),
            Dialect::DuckDb => format!(
                "lower(translate(cast({sql} as varchar), '\u{212a}\u{17f}\u{130}', 'ks\u{131}')) collate c"
            ),
            Dialect::Sqlite => {
                format!("lower(replace(replace({sql}, '\u{212a}', 'k'), '\u{17f}', 's')) collate binary")
            }
            Dialect::MySql => {
                let character = |hex: &str| format!("convert(x'{hex}' using utf8mb4)");
                let (kelvin, long, dotted, dotless) =
                    (character("e284aa"), character("c5bf"), character("c4b0"), character("c4b1"));
                // The comparison of `replace` must not ignore what the collation of the column does.
                let column = format!("convert({sql} using utf8mb4) collate utf8mb4_bin");
                let letters = format!("replace(replace({column}, {kelvin}, 'k'), {long}, 's')");
                format!("cast(lower(replace({letters}, {dotted}, {dotless})) as binary)")
            }
        }
    }

    fn not_empty(&self, operand: &Operand) -> String {
        let sql = &operand.sql;
        match (self.dialect(), operand.kind) {
            (Dialect::Sqlite, _) => {
                format!("({sql} is not null and (typeof({sql}) <> 'text' or {sql} <> ''))")
            }
            (_, ColumnType::Text | ColumnType::Key | ColumnType::Any) => {
                format!("coalesce({} <> '', false)", self.text_of(operand))
            }
            _ => format!("{sql} is not null"),
        }
    }

    fn one_of(
        &mut self,
        operand: &Operand,
        values: &[Value<'static>],
        ignores_case: bool,
        is_in: bool,
    ) -> String {
        let kind = operand.kind;
        if is_text(kind) {
            let texts: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
            return if texts.is_empty() {
                "false".to_owned()
            } else {
                self.texts(operand, &texts, ignores_case, is_in)
            };
        }
        if is_number(kind) {
            let numbers: Vec<Number> = values.iter().filter_map(Number::from_value).collect();
            return if numbers.is_empty() {
                "false".to_owned()
            } else {
                self.numbers(operand, &numbers, is_in)
            };
        }
        if kind == ColumnType::Boolean {
            let has = |wanted: bool| values.contains(&Value::Bool(wanted));
            return match (has(true), has(false)) {
                (false, false) => "false".to_owned(),
                (true, true) => {
                    if is_in {
                        self.is_boolean(operand)
                    } else {
                        "false".to_owned()
                    }
                }
                (is_true, _) => self.boolean(operand, is_true == is_in),
            };
        }
        "false".to_owned()
    }

    fn is_boolean(&self, operand: &Operand) -> String {
        let sql = &operand.sql;
        if self.dialect() == Dialect::Sqlite {
            format!("typeof({sql}) = 'integer'")
        } else {
            format!("{sql} is not null")
        }
    }

    fn boolean(&self, operand: &Operand, wanted: bool) -> String {
        let sql = &operand.sql;
        let test = match self.dialect() {
            Dialect::Postgres | Dialect::DuckDb => format!("{sql} = {wanted}"),
            Dialect::MySql | Dialect::Sqlite => format!("{sql} {} 0", if wanted { "<>" } else { "=" }),
        };
        self.guarded(&["integer"], sql, &test)
    }

    /// Whether text is in a list, or is not. The list has strings.
    fn texts(&mut self, operand: &Operand, texts: &[&str], ignores_case: bool, is_in: bool) -> String {
        let dialect = self.dialect();
        let literal = |text: &&str| {
            if ignores_case { dialect.string(&text.to_ascii_lowercase()) } else { dialect.string(text) }
        };
        // A string that the database cannot have equals no value.
        let list: Vec<String> = texts.iter().filter_map(literal).collect();
        let sql = &operand.sql;
        let text = if ignores_case { self.folded(operand) } else { self.text_of(operand) };
        match (list.as_slice(), is_in) {
            ([], true) => "false".to_owned(),
            ([], false) => format!("{sql} is not null"),
            ([one], true) => self.guarded(&["text"], sql, &format!("{text} = {one}")),
            ([one], false) => self.guarded(&["text"], sql, &format!("{text} <> {one}")),
            (list, is_in) => {
                let word = if is_in { "in" } else { "not in" };
                self.guarded(&["text"], sql, &format!("{text} {word} ({})", list.join(", ")))
            }
        }
    }

    fn parts(&mut self, operand: &Operand, place: TextPlace, parts: &[String], ignores_case: bool) -> String {
        let text = if ignores_case { self.folded(operand) } else { self.text_of(operand) };
        let mut tests = Vec::new();
        for part in parts {
            let part = if ignores_case { part.to_ascii_lowercase() } else { part.clone() };
            tests.extend(self.part(&text, place, &part));
        }
        if tests.is_empty() {
            return "false".to_owned();
        }
        self.guarded(&["text"], &operand.sql, &tests.join(" or "))
    }

    /// Whether text has a part. `None` if the database cannot have it.
    fn part(&self, text: &str, place: TextPlace, part: &str) -> Option<String> {
        let dialect = self.dialect();
        let literal = dialect.string(part)?;
        if part.is_empty() {
            return Some(format!("{text} is not null"));
        }
        let (characters, bytes) = (part.chars().count(), part.len());
        Some(match (dialect, place) {
            (Dialect::Postgres, TextPlace::Anywhere) => format!("strpos({text}, {literal}) > 0"),
            (Dialect::Postgres, TextPlace::Start) => format!("left({text}, {characters}) = {literal}"),
            (Dialect::Postgres, TextPlace::End) => format!("right({text}, {characters}) = {literal}"),
            (Dialect::MySql, TextPlace::Anywhere) => format!("locate({literal}, {text}) > 0"),
            (Dialect::MySql, TextPlace::Start) => format!("left({text}, {bytes}) = {literal}"),
            (Dialect::MySql, TextPlace::End) => format!("right({text}, {bytes}) = {literal}"),
            (Dialect::Sqlite, TextPlace::Anywhere) => format!("instr({text}, {literal}) > 0"),
            (Dialect::Sqlite, TextPlace::Start) => format!("substr({text}, 1, {characters}) = {literal}"),
            (Dialect::Sqlite, TextPlace::End) => format!("substr({text}, -{characters}) = {literal}"),
            (Dialect::DuckDb, TextPlace::Anywhere) => format!("contains({text}, {literal})"),
            (Dialect::DuckDb, TextPlace::Start) => format!("starts_with({text}, {literal})"),
            (Dialect::DuckDb, TextPlace::End) => format!("ends_with({text}, {literal})"),
        })
    }
}

/// Whether values of a column are compared with strings.
fn is_text(kind: ColumnType) -> bool {
    matches!(kind, ColumnType::Text | ColumnType::Key | ColumnType::Any)
}

fn is_number(kind: ColumnType) -> bool {
    matches!(kind, ColumnType::Integer | ColumnType::Number)
}

fn is_time(kind: ColumnType) -> bool {
    matches!(kind, ColumnType::Instant | ColumnType::Datetime)
}
