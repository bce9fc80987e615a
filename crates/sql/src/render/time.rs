//! Times.

use chrono::{DateTime, Datelike as _, SubsecRound as _, TimeDelta, TimeZone as _, Timelike as _, Utc};
use novi::activation::sql::{Draw, Rise};

use super::{CLOCK, Operand, Writer};
use crate::{columns::ColumnType, dialect::Dialect};

/// The seconds from a Monday before the year 1 to 1970.
const MONDAY: i64 = 110_000 * 604_800 - 345_600;

/// The time that is evaluated.
struct Now {
    sql: String,
    /// The time, if it is known.
    fixed: Option<DateTime<Utc>>,
    /// Whether each row can have a time of its own.
    is_column: bool,
}

/// The years in which schedules are on, as an evaluation has them: the first, and the one after the last.
fn years() -> (DateTime<Utc>, DateTime<Utc>) {
    let start = |year| Utc.with_ymd_and_hms(year, 1, 1, 0, 0, 0).single().unwrap_or_default();
    (start(3), start(4990))
}

fn has_years(at: DateTime<Utc>) -> bool {
    let (from, to) = years();
    from <= at && at < to
}

/// The seconds from a time to a later one, as an evaluation computes them.
#[expect(clippy::cast_precision_loss, reason = "times of rows lie fewer than 2^53 seconds apart")]
fn seconds_between(from: DateTime<Utc>, to: DateTime<Utc>) -> f64 {
    let seconds = (to.timestamp() - from.timestamp()) as f64;
    seconds + (f64::from(to.timestamp_subsec_nanos()) - f64::from(from.timestamp_subsec_nanos())) / 1e9
}

impl Writer<'_> {
    /// The time that is evaluated. `None` after refusing the column that it is in.
    fn now(&mut self) -> Option<Now> {
        let column = if self.options.columns.get(CLOCK).is_some() || self.base.get(CLOCK).is_some() {
            let column = self.attribute(CLOCK)?;
            if !matches!(column.kind, ColumnType::Instant | ColumnType::Datetime) {
                let found = column.kind.words();
                self.refuse(
                    "",
                    format!("the column of {CLOCK:?} has the type {found}; expected instant or datetime"),
                );
                return None;
            }
            Some(self.instant(&column)?)
        } else {
            None
        };
        let clock = match self.options.at {
            Some(at) => self.literal(at),
            None => match self.dialect() {
                Dialect::Postgres => "now()".to_owned(),
                Dialect::MySql => "utc_timestamp(6)".to_owned(),
                Dialect::Sqlite => "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')".to_owned(),
                Dialect::DuckDb => "epoch_us(now())".to_owned(),
            },
        };
        let fixed = self.options.at.filter(|_| column.is_none());
        Some(match column {
            Some(column) => Now { sql: format!("coalesce({column}, {clock})"), fixed, is_column: true },
            None => Now { sql: clock, fixed, is_column: false },
        })
    }

    /// Whether the time is in a window.
    pub(super) fn clock(&mut self, from: Option<DateTime<Utc>>, to: Option<DateTime<Utc>>) -> String {
        let Some(now) = self.now() else { return String::new() };
        if let Some(at) = now.fixed {
            return (from.is_none_or(|from| from <= at) && to.is_none_or(|to| at < to)).to_string();
        }
        let now = now.sql;
        let from = from.map(|from| format!("{now} >= {}", self.literal(self.rounded_up(from))));
        let to = to.map(|to| format!("{now} < {}", self.literal(self.rounded_up(to))));
        let tests: Vec<String> = from.into_iter().chain(to).collect();
        match tests.as_slice() {
            [] => "true".to_owned(),
            [only] => only.clone(),
            tests => format!("({})", tests.join(" and ")),
        }
    }

    /// Whether the time is in one of these parts of a week.
    pub(super) fn week(&mut self, ranges: &[(u32, u32)]) -> String {
        let Some(now) = self.now() else { return String::new() };
        if let Some(at) = now.fixed {
            let second = at.weekday().num_days_from_monday() * 86_400 + at.num_seconds_from_midnight();
            return (has_years(at) && ranges.iter().any(|(from, to)| (*from..*to).contains(&second)))
                .to_string();
        }
        let Now { sql: time, is_column, .. } = now;
        // Counted from a Monday before all times, since the remainder of a negative number is negative.
        let second = match self.dialect() {
            Dialect::Postgres => {
                format!("(cast(floor(extract(epoch from {time})) as bigint) + {MONDAY}) % 604800")
            }
            Dialect::MySql => {
                format!("timestampdiff(second, timestamp'1000-01-06 00:00:00', {time}) % 604800")
            }
            Dialect::Sqlite => format!("(cast(strftime('%s', {time}) as integer) + {MONDAY}) % 604800"),
            Dialect::DuckDb => format!("({time} + {MONDAY}000000) // 1000000 % 604800"),
        };
        let range = |(from, to): &(u32, u32)| format!("{second} between {from} and {}", to.saturating_sub(1));
        let parts = ranges.iter().map(range).collect::<Vec<_>>().join(" or ");
        if !is_column {
            return format!("({parts})");
        }
        let (from, to) = (self.literal(years().0), self.literal(years().1));
        // MySQL has no times before the year 1000.
        let from =
            if self.dialect() == Dialect::MySql { String::new() } else { format!("{time} >= {from} and ") };
        format!("({from}{time} < {to} and ({parts}))")
    }

    /// The positions that are in while a percentage rises, as the bound that a position is below.
    pub(super) fn rising(&mut self, draw: &Draw, rise: &Rise) -> String {
        let Some(now) = self.now() else { return String::new() };
        let Some(place) = self.place(draw) else { return String::new() };
        let Rise { from, to, percentages: (low, high), scale } = *rise;
        let (start, nanos) = (from.trunc_subsecs(0), from.timestamp_subsec_nanos());
        let (literal, now) = (self.literal(start), now.sql);
        // Microseconds since the second in which it began to rise.
        let (micros, div) = match self.dialect() {
            Dialect::Postgres => {
                (format!("cast(extract(epoch from {now} - {literal}) * 1000000 as bigint)"), "/")
            }
            Dialect::MySql => (format!("timestampdiff(microsecond, {literal}, {now})"), "div"),
            Dialect::DuckDb | Dialect::Sqlite => (format!("({now} - {literal})"), "//"),
        };
        let double = |number: f64| match self.dialect() {
            Dialect::Postgres => format!("double precision '{number:e}'"),
            _ => format!("{number:e}"),
        };
        let all = seconds_between(from, to);
        let since =
            format!("({micros} {div} 1000000 + ({micros} % 1000000 * 1000 - {nanos}) / {})", double(1e9));
        let percentage = format!("{} + {} * ({since} / {})", double(low), double(high - low), double(all));
        let limit = format!(
            "least({percentage}, {}) / {} * {}",
            double(high),
            double(scale.divisor),
            double(scale.factor)
        );
        if scale.to_nearest {
            // Halves are rounded up, so that a position is in from its half on.
            format!("coalesce({place} + {} <= {limit}, false)", double(0.5))
        } else {
            format!("coalesce({place} < {limit}, false)")
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
