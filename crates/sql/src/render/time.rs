//! Times.

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};

use super::{CLOCK, Operand, Writer};
use crate::{columns::ColumnType, dialect::Dialect};

impl Writer<'_> {
    /// Whether the time is in a window.
    pub(super) fn clock(&mut self, from: Option<DateTime<Utc>>, to: Option<DateTime<Utc>>) -> String {
        let column = if self.options.columns.get(CLOCK).is_some() || self.base.get(CLOCK).is_some() {
            let Some(column) = self.attribute(CLOCK) else { return String::new() };
            if !matches!(column.kind, ColumnType::Instant | ColumnType::Datetime) {
                let found = column.kind.words();
                return self.refuse(
                    "",
                    format!("the column of {CLOCK:?} has the type {found}; expected instant or datetime"),
                );
            }
            let Some(sql) = self.instant(&column) else { return String::new() };
            Some(sql)
        } else {
            None
        };
        if let (Some(at), None) = (self.options.at, &column) {
            return (from.is_none_or(|from| from <= at) && to.is_none_or(|to| at < to)).to_string();
        }
        let clock = match self.options.at {
            Some(at) => self.literal(at),
            None => match self.dialect() {
                Dialect::Postgres => "now()".to_owned(),
                Dialect::MySql => "utc_timestamp(6)".to_owned(),
                Dialect::Sqlite => "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')".to_owned(),
                Dialect::DuckDb => "epoch_us(now())".to_owned(),
            },
        };
        let now = column.map_or_else(|| clock.clone(), |column| format!("coalesce({column}, {clock})"));
        let from = from.map(|from| format!("{now} >= {}", self.literal(self.rounded_up(from))));
        let to = to.map(|to| format!("{now} < {}", self.literal(self.rounded_up(to))));
        let tests: Vec<String> = from.into_iter().chain(to).collect();
        match tests.as_slice() {
            [] => "true".to_owned(),
            [only] => only.clone(),
            tests => format!("({})", tests.join(" and ")),
        }
    }

    /// Whether a time is before another one, or after it.
    pub(super) fn before(&mut self, operand: &Operand, time: DateTime<Utc>, is_before: bool) -> String {
        let Some(sql) = self.instant(operand) else { return String::new() };
        let test = if is_before {
            format!("{sql} < {}", self.literal(self.rounded_up(time)))
        } else {
            format!("{sql} > {}", self.literal(time.trunc_subsecs(self.digits())))
        };
        format!("coalesce({test}, false)")
    }

    /// A column as it is compared with a literal, independent of the time zone of the session. `None` after
    /// refusing it.
    fn instant(&mut self, operand: &Operand) -> Option<String> {
        let sql = &operand.sql;
        Some(match (self.dialect(), operand.kind) {
            (Dialect::Postgres, ColumnType::Datetime) => format!("({sql} at time zone 'UTC')"),
            (Dialect::Postgres, _) | (Dialect::MySql, ColumnType::Datetime) => sql.clone(),
            (Dialect::MySql, _) => format!(
                "timestampadd(microsecond, cast(unix_timestamp({sql}) * 1000000 as signed), \
                 timestamp'1970-01-01 00:00:00')"
            ),
            (Dialect::DuckDb, _) => format!("epoch_us({sql})"),
            (Dialect::Sqlite, _) => {
                self.refuse(
                    "",
                    "SQLite has no type for times, and does not read them as novi does; use `novi audience`",
                );
                return None;
            }
        })
    }

    /// The digits of seconds after the point.
    fn digits(&self) -> u16 {
        if self.dialect() == Dialect::Sqlite { 3 } else { 6 }
    }

    /// The first time of the dialect that is not before this one.
    fn rounded_up(&self, time: DateTime<Utc>) -> DateTime<Utc> {
        let short = time.trunc_subsecs(self.digits());
        let step = if self.digits() == 3 { TimeDelta::milliseconds(1) } else { TimeDelta::microseconds(1) };
        if short < time { short.checked_add_signed(step).unwrap_or(short) } else { short }
    }

    fn literal(&self, time: DateTime<Utc>) -> String {
        match self.dialect() {
            Dialect::Postgres => format!("timestamptz '{}+00'", time.format("%Y-%m-%d %H:%M:%S%.6f")),
            Dialect::MySql => format!("timestamp'{}'", time.format("%Y-%m-%d %H:%M:%S%.6f")),
            Dialect::Sqlite => format!("'{}Z'", time.format("%Y-%m-%dT%H:%M:%S%.3f")),
            Dialect::DuckDb => time.timestamp_micros().to_string(),
        }
    }
}
