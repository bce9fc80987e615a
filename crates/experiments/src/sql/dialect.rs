//! How a database writes what the statements need.

use chrono::{DateTime, Duration, SecondsFormat, Utc};

/// Milliseconds from the first Julian day to 1970.
const MILLISECONDS_BEFORE_1970: i64 = 210_866_760_000_000;

/// How a database writes what the statements need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
    MySql,
}

impl Dialect {
    /// The database at an address; `None` if there is none.
    pub(crate) fn of(url: &str) -> Option<Self> {
        match url.split_once(':')?.0 {
            "sqlite" => Some(Self::Sqlite),
            "postgres" | "postgresql" => Some(Self::Postgres),
            "mysql" | "mariadb" => Some(Self::MySql),
            _ => None,
        }
    }

    pub(crate) fn string(self, text: &str) -> String {
        let text = text.replace('\'', "''");
        // MySQL reads escapes.
        let text = if self == Self::MySql { text.replace('\\', "\\\\") } else { text };
        format!("'{text}'")
    }

    /// A moment, as the assignments have it.
    pub(crate) fn moment(self, time: DateTime<Utc>) -> String {
        match self {
            Self::Sqlite => (time.timestamp_millis() + MILLISECONDS_BEFORE_1970).to_string(),
            Self::Postgres => format!("timestamptz '{}'", time.to_rfc3339_opts(SecondsFormat::Micros, true)),
            Self::MySql => format!("timestamp '{}'", time.format("%Y-%m-%d %H:%M:%S%.6f")),
        }
    }

    /// A moment in the SQL of a metric. Texts of SQLite may have a `T` or a space between date and time, which sort
    /// differently: a day more or less, since the exact times are compared afterwards.
    pub(crate) fn placeholder(self, time: DateTime<Utc>, is_start: bool) -> String {
        match self {
            Self::Sqlite => {
                let day = Duration::days(if is_start { -1 } else { 1 });
                let time = time.checked_add_signed(day).unwrap_or(time);
                format!("'{}'", time.format("%Y-%m-%d %H:%M:%S"))
            }
            Self::Postgres | Self::MySql => self.moment(time),
        }
    }

    /// A column with a time, so that it can be compared with a moment. SQLite counts whole milliseconds: a Julian day has
    /// no exact third, so that a window of eight hours would end a little too early or too late.
    pub(crate) fn time(self, column: &str) -> String {
        match self {
            Self::Sqlite => format!("cast(round(julianday({column}) * 86400000.0) as integer)"),
            Self::Postgres | Self::MySql => column.to_owned(),
        }
    }

    /// A time so many seconds later; earlier if `sign` is a minus.
    pub(crate) fn shifted(self, column: &str, sign: char, seconds: u64) -> String {
        let time = self.time(column);
        match (self, seconds) {
            (_, 0) => time,
            (Self::Sqlite, _) => format!("{time} {sign} {seconds}000"),
            (Self::Postgres, _) => format!("{time} {sign} interval '{seconds} seconds'"),
            (Self::MySql, _) => format!("{time} {sign} interval {seconds} second"),
        }
    }

    pub(crate) fn number(self, expression: &str) -> String {
        let kind = match self {
            Self::Sqlite => "real",
            Self::Postgres => "double precision",
            Self::MySql => "double",
        };
        format!("cast({expression} as {kind})")
    }

    /// A unit as the assignments have it.
    pub(crate) fn unit(self, column: &str) -> String {
        let kind = if self == Self::MySql { "char" } else { "text" };
        format!("cast({column} as {kind})")
    }

    /// A text that equals another one only if both have the same bytes. MySQL's texts are compared without case and accents.
    pub(crate) fn exact_text(self, expression: &str) -> String {
        match self {
            Self::MySql => format!("cast(cast({expression} as char) as binary)"),
            Self::Sqlite | Self::Postgres => format!("cast({expression} as text)"),
        }
    }

    /// A text that is compared and sorted by its bytes, whatever the collation of the database.
    pub(crate) fn value(self, expression: &str) -> String {
        match self {
            Self::Sqlite => format!("cast({expression} as text)"),
            Self::Postgres => format!("cast({expression} as text) collate \"C\""),
            Self::MySql => format!("cast({expression} as char character set utf8mb4) collate utf8mb4_bin"),
        }
    }

    pub(crate) fn concatenated(self, one: &str, other: &str) -> String {
        match self {
            Self::Sqlite | Self::Postgres => format!("{one} || {other}"),
            Self::MySql => format!("concat({one}, {other})"),
        }
    }

    /// A join that reads the left side once, and looks rows of the right side up by their index. Without an index on the
    /// unit of the outcomes, which may be an expression, planners read all outcomes for each unit.
    pub(crate) const fn join(self) -> &'static str {
        match self {
            Self::Sqlite => "cross join",
            Self::Postgres => "join",
            Self::MySql => "straight_join",
        }
    }

    pub(crate) fn least(self, one: &str, other: f64) -> String {
        let name = if self == Self::Sqlite { "min" } else { "least" };
        format!("{name}({one}, {other:e})")
    }

    pub(crate) fn day(self, column: &str) -> String {
        match self {
            Self::Sqlite => format!("substr({column}, 1, 10)"),
            Self::Postgres => format!("to_char({column} at time zone 'UTC', 'YYYY-MM-DD')"),
            Self::MySql => format!("date_format({column}, '%Y-%m-%d')"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted() {
        assert_eq!(Dialect::MySql.string("a'b\\"), "'a''b\\\\'");
        assert_eq!(Dialect::Postgres.string("a'b\\"), "'a''b\\'");
    }
}
