//! Keys of callers, and draws by them.

use novi::activation::sql::{Digest, Draw, Key};

use super::{Operand, Writer};
use crate::{columns::ColumnType, dialect::Dialect};

impl Writer<'_> {
    /// The key of the caller, or null. `None` after refusing it.
    fn key(&mut self, key: &Key) -> Option<String> {
        let mut parts = Vec::new();
        for name in key.0.iter() {
            let operand = self.attribute(name)?;
            if !matches!(
                operand.kind,
                ColumnType::Text | ColumnType::Key | ColumnType::Any | ColumnType::Integer
            ) {
                self.refuse(
                    "",
                    format!(
                        "{name:?} identifies callers, and is a column of the type {}; expected text or integer",
                        operand.kind.words()
                    ),
                );
                return None;
            }
            parts.push(self.key_of(&operand));
        }
        match parts.as_slice() {
            [] => None,
            [only] => Some(only.clone()),
            parts => Some(format!("coalesce({})", parts.join(", "))),
        }
    }

    fn key_of(&self, operand: &Operand) -> String {
        let sql = &operand.sql;
        let text = self.text_of(operand);
        match (self.dialect(), operand.kind) {
            // Values have types of their own. A whole number stands for its digits.
            (Dialect::Sqlite, _) => format!(
                "case typeof({sql}) when 'text' then nullif({text}, '') when 'integer' then cast({sql} as text) \
                 when 'real' then case when {sql} = cast({sql} as integer) then cast(cast({sql} as integer) as text) \
                 end end"
            ),
            (_, ColumnType::Integer) => text,
            _ => format!("nullif({text}, '')"),
        }
    }

    /// Whether the key of the caller is in a list.
    pub(super) fn member(&mut self, key: &Key, members: &[String]) -> String {
        let Some(key) = self.key(key) else { return String::new() };
        let dialect = self.dialect();
        let list: Vec<String> = members.iter().filter_map(|member| dialect.string(member)).collect();
        if list.is_empty() {
            return "false".to_owned();
        }
        format!("coalesce({key} in ({}), false)", list.join(", "))
    }

    /// Whether a variant of the caller is remembered, and is one of these.
    pub(super) fn remembered(&mut self, key: &Key, experiment: &str, variants: &[String]) -> String {
        let dialect = self.dialect();
        let table = self.options.assignments.as_ref().map(|path| dialect.path(path));
        let Some(Some(table)) = table else {
            return self.refuse(
                if self.place.class_name.as_deref() == Some("novi.experiment") {
                    "config.state"
                } else {
                    "config.remember"
                },
                "the variants that callers keep are in the table novi_assignments, which only the database of the flags \
                 has; use `novi audience`",
            );
        };
        let Some(key) = self.key(key) else { return String::new() };
        let variants: Vec<String> = variants.iter().filter_map(|variant| dialect.string(variant)).collect();
        let (Some(experiment), false) = (dialect.string(experiment), variants.is_empty()) else {
            return "false".to_owned();
        };
        // The key is outside of the query, whose table has columns with names of its own.
        format!(
            "coalesce({key} in (select kept.unit from {table} as kept where kept.experiment = {experiment} \
             and kept.variant in ({})), false)",
            variants.join(", ")
        )
    }

    /// Whether the position of the caller is in a range.
    pub(super) fn draw(&mut self, draw: &Draw, ranges: &[(u32, u32)]) -> String {
        let Some(place) = self.place(draw) else { return String::new() };
        let range = |(start, end): &(u32, u32)| match (start, end.saturating_sub(1)) {
            (0, _) => format!("{place} < {end}"),
            (start, last) if *start == last => format!("{place} = {start}"),
            (start, last) => format!("{place} between {start} and {last}"),
        };
        format!("coalesce({}, false)", ranges.iter().map(range).collect::<Vec<_>>().join(" or "))
    }

    /// The position of the caller, or null. `None` after refusing it.
    pub(super) fn place(&mut self, draw: &Draw) -> Option<String> {
        if let Some(problem) = unknown(self.dialect(), draw.digest) {
            self.refuse("config.hash", problem);
            return None;
        }
        let dialect = self.dialect();
        let Some(hashed) = self.hashed(draw) else {
            if self.refusals.is_empty() {
                self.refuse("config.salt", format!("a string of {dialect} cannot have the character NUL"));
            }
            return None;
        };
        // The place of the first of eight hexadecimal digits.
        let digit = draw.skip * 2 + 1;
        let number = match (dialect, draw.digest) {
            (Dialect::MySql, Digest::Crc32) => format!("crc32({hashed})"),
            (Dialect::MySql, digest) => {
                let hash = if digest == Digest::Md5 {
                    format!("md5({hashed})")
                } else {
                    format!("sha2({hashed}, 256)")
                };
                format!("cast(conv(substr({hash}, {digit}, 8), 16, 10) as unsigned)")
            }
            (Dialect::DuckDb, digest) => {
                format!("cast('0x' || substr({}({hashed}), {digit}, 8) as bigint)", digest.name())
            }
            (_, Digest::Md5) => {
                format!("cast(cast('x' || substr(md5({hashed}), {digit}, 8) as bit(32)) as bigint)")
            }
            (_, _) => {
                format!(
                    "cast(cast('x' || substr(encode(sha256({hashed}), 'hex'), {digit}, 8) as bit(32)) as bigint)"
                )
            }
        };
        Some(match draw.divisor {
            Some(divisor) => format!("{number} % {divisor}"),
            None => number,
        })
    }

    /// The key with the salt, as bytes in UTF-8. `None` if the database cannot have the salt, or after
    /// refusing the key.
    fn hashed(&mut self, draw: &Draw) -> Option<String> {
        let key = self.key(&draw.key)?;
        let dialect = self.dialect();
        let mut parts = Vec::new();
        for text in [&draw.before, &draw.after] {
            parts.push(if text.is_empty() { None } else { Some(dialect.string(text)?) });
        }
        let (after, before) = (parts.pop().flatten(), parts.pop().flatten());
        let parts: Vec<String> = before.into_iter().chain([key]).chain(after).collect();
        Some(match dialect {
            Dialect::Postgres => format!("convert_to({}, 'UTF8')", parts.join(" || ")),
            Dialect::MySql => format!("concat({})", parts.join(", ")),
            Dialect::Sqlite | Dialect::DuckDb => parts.join(" || "),
        })
    }
}

/// Why a dialect does not know a digest.
fn unknown(dialect: Dialect, digest: Digest) -> Option<String> {
    let advice = "draw by \"hash\": \"sha256\", which gives each caller another place";
    match (dialect, digest) {
        (Dialect::Sqlite, _) => Some(
            "SQLite computes no hashes; load novi's extension, and use novi_enabled('FLAG', ..) and \
             novi_variant('FLAG', ..)"
                .to_owned(),
        ),
        (Dialect::MySql, Digest::Md5) => Some(format!("MySQL 9.6 and later do not have md5(); {advice}")),
        (Dialect::Postgres | Dialect::DuckDb, Digest::Crc32) => {
            Some(format!("{dialect} does not have crc32(); {advice}"))
        }
        _ => None,
    }
}
