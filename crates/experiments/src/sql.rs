//! The SQL that aggregates a metric, in one pass over the outcomes.

use chrono::{DateTime, Duration, SecondsFormat, Utc};

use crate::metric::{Kind, Metric};

/// How a database writes what the statements need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
    MySql,
}

/// Which assignments count.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) dialect: Dialect,
    /// What the name of the table begins with.
    pub(crate) prefix: String,
    pub(crate) experiment: String,
    pub(crate) start: Option<DateTime<Utc>>,
    pub(crate) end: DateTime<Utc>,
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

    fn string(self, text: &str) -> String {
        let text = text.replace('\'', "''");
        // MySQL reads escapes.
        let text = if self == Self::MySql { text.replace('\\', "\\\\") } else { text };
        format!("'{text}'")
    }

    /// A moment, as the assignments have it.
    fn moment(self, time: DateTime<Utc>) -> String {
        match self {
            Self::Sqlite => format!("julianday('{}')", time.to_rfc3339_opts(SecondsFormat::Millis, true)),
            Self::Postgres => format!("timestamptz '{}'", time.to_rfc3339_opts(SecondsFormat::Micros, true)),
            Self::MySql => format!("timestamp '{}'", time.format("%Y-%m-%d %H:%M:%S%.6f")),
        }
    }

    /// A moment in the SQL of a metric. Texts of SQLite may have a `T` or a space between date and time, which sort
    /// differently: a day more or less, since the exact times are compared afterwards.
    fn placeholder(self, time: DateTime<Utc>, is_start: bool) -> String {
        match self {
            Self::Sqlite => {
                let day = Duration::days(if is_start { -1 } else { 1 });
                let time = time.checked_add_signed(day).unwrap_or(time);
                format!("'{}'", time.format("%Y-%m-%d %H:%M:%S"))
            }
            Self::Postgres | Self::MySql => self.moment(time),
        }
    }

    /// A column with a time, so that it can be compared with a moment.
    fn time(self, column: &str) -> String {
        if self == Self::Sqlite { format!("julianday({column})") } else { column.to_owned() }
    }

    /// A time so many seconds later; earlier if `sign` is a minus.
    fn shifted(self, column: &str, sign: char, seconds: u64) -> String {
        let time = self.time(column);
        match (self, seconds) {
            (_, 0) => time,
            (Self::Sqlite, _) => format!("{time} {sign} {seconds} / 86400.0"),
            (Self::Postgres, _) => format!("{time} {sign} interval '{seconds} seconds'"),
            (Self::MySql, _) => format!("{time} {sign} interval {seconds} second"),
        }
    }

    fn number(self, expression: &str) -> String {
        let kind = match self {
            Self::Sqlite => "real",
            Self::Postgres => "double precision",
            Self::MySql => "double",
        };
        format!("cast({expression} as {kind})")
    }

    /// A unit as the assignments have it.
    fn unit(self, column: &str) -> String {
        let kind = if self == Self::MySql { "char" } else { "text" };
        format!("cast({column} as {kind})")
    }

    /// A join that reads the left side once, and looks rows of the right side up by their index. Without an index on the
    /// unit of the outcomes, which may be an expression, planners read all outcomes for each unit.
    const fn join(self) -> &'static str {
        match self {
            Self::Sqlite => "cross join",
            Self::Postgres => "join",
            Self::MySql => "straight_join",
        }
    }

    fn least(self, one: &str, other: f64) -> String {
        let name = if self == Self::Sqlite { "min" } else { "least" };
        format!("{name}({one}, {other:e})")
    }

    fn day(self, column: &str) -> String {
        match self {
            Self::Sqlite => format!("substr({column}, 1, 10)"),
            Self::Postgres => format!("to_char({column} at time zone 'UTC', 'YYYY-MM-DD')"),
            Self::MySql => format!("date_format({column}, '%Y-%m-%d')"),
        }
    }
}

impl Scope {
    fn table(&self) -> String {
        format!("{}novi_assignments", self.prefix)
    }

    /// Which rows of the assignments, called `a`, count.
    fn condition(&self) -> String {
        let (dialect, assigned) = (self.dialect, self.dialect.time("a.assigned_at"));
        let mut condition = format!("a.experiment = {}", dialect.string(&self.experiment));
        for (sign, time) in [(">=", self.start), ("<", Some(self.end))] {
            if let Some(time) = time {
                condition = format!("{condition} and {assigned} {sign} {}", dialect.moment(time));
            }
        }
        condition
    }

    /// How many units each variant got on each day.
    pub(crate) fn units(&self) -> String {
        let (table, condition) = (self.table(), self.condition());
        let day = self.dialect.day("a.assigned_at");
        format!(
            "select a.variant as variant, {day} as day, count(*) as units from {table} a where {condition} \
             group by a.variant, {day} order by 2, 1"
        )
    }

    /// The outcomes of each unit that has any: `y`, of a ratio `d`, and before the exposure `x`.
    fn per_unit(&self, metric: &Metric, first: DateTime<Utc>) -> String {
        let dialect = self.dialect;
        let ts = dialect.time("o.ts");
        let mut within = format!("{ts} >= {}", dialect.shifted("a.assigned_at", '+', metric.after));
        if let Some(window) = metric.window {
            within = format!("{within} and {ts} < {}", dialect.shifted("a.assigned_at", '+', window));
        }
        within = format!("{within} and {ts} < {}", dialect.moment(self.end));
        let value = dialect.number("o.value");
        let capped = |sum: String| metric.cap.map_or(sum.clone(), |cap| dialect.least(&sum, cap));
        let (columns, counted) = match (metric.kind, metric.before) {
            (Kind::Proportion, _) => ("1.0 as y".to_owned(), within),
            (Kind::Ratio, _) => {
                let denominator = dialect.number("o.denominator");
                (format!("sum({value}) as y, sum({denominator}) as d"), within)
            }
            (Kind::Mean, Some(before)) => {
                let earlier = dialect.shifted("a.assigned_at", '-', before);
                let earlier = format!("{ts} >= {earlier} and {ts} < {}", dialect.time("a.assigned_at"));
                let sum =
                    |condition: &str| capped(format!("sum(case when {condition} then {value} else 0 end)"));
                let columns = format!("{} as y, {} as x", sum(&within), sum(&earlier));
                (columns, format!("({within}) or ({earlier})"))
            }
            _ => (format!("{} as y", capped(format!("sum({value})"))), within),
        };
        let (table, condition) = (self.table(), self.condition());
        let (unit, join) = (dialect.unit("o.unit"), dialect.join());
        format!(
            "novi_outcomes as (\n{}\n), novi_values as (select a.variant as variant, {columns} \
             from novi_outcomes o {join} {table} a on a.unit = {unit} \
             where {condition} and ({counted}) group by a.variant, a.id)",
            self.outcomes(metric, first)
        )
    }

    /// The SQL of a metric, with its times.
    pub(crate) fn outcomes(&self, metric: &Metric, first: DateTime<Utc>) -> String {
        let before = Duration::seconds(i64::try_from(metric.before.unwrap_or_default()).unwrap_or_default());
        let start = first.checked_sub_signed(before).unwrap_or(first);
        with_times(
            &metric.sql,
            &self.dialect.placeholder(start, true),
            &self.dialect.placeholder(self.end, false),
        )
    }

    /// How many outcomes there are, and how many of them the database reads as nothing without an error.
    pub(crate) fn readable(&self, metric: &Metric, first: DateTime<Utc>) -> String {
        let (bad_time, bad_value) = match self.dialect {
            Dialect::Sqlite => ("julianday(o.ts) is null", "typeof(o.value) not in ('integer', 'real')"),
            // It refuses them.
            Dialect::Postgres => ("o.ts is null", "o.value is null"),
            Dialect::MySql => (
                "cast(o.ts as datetime) is null",
                "o.value is null or trim(cast(o.value as char)) not regexp '^[-+]?[0-9]*[.]?[0-9]+(e[-+]?[0-9]+)?$'",
            ),
        };
        let bad_value = if metric.kind == Kind::Proportion { "1 = 0" } else { bad_value };
        let sum = |bad: &str| format!("coalesce(sum(case when {bad} then 1 else 0 end), 0)");
        let integer = if self.dialect == Dialect::MySql { "signed" } else { "bigint" };
        format!(
            "with novi_outcomes as (\n{}\n)\nselect count(*) as total, cast({} as {integer}) as bad_times, \
             cast({} as {integer}) as bad_values from novi_outcomes o",
            self.outcomes(metric, first),
            sum(bad_time),
            sum(bad_value)
        )
    }

    /// The sums of a metric by variant.
    pub(crate) fn sums(&self, metric: &Metric, first: DateTime<Utc>) -> String {
        let (table, condition) = (self.table(), self.condition());
        let names: &[&str] = match (metric.kind, metric.before) {
            (Kind::Ratio, _) => &["y", "d"],
            (Kind::Mean, Some(_)) => &["y", "x"],
            _ => &["y"],
        };
        let mut sums = Vec::new();
        for (place, one) in names.iter().enumerate() {
            sums.push((format!("s{one}"), format!("sum({one})")));
            let products = names.iter().skip(place);
            sums.extend(products.map(|other| (format!("s{one}{other}"), format!("sum({one} * {other})"))));
        }
        let own = sums.iter().map(|(name, sum)| format!(", {sum} as {name}"));
        let all = sums.iter().map(|(name, _)| format!(", coalesce(v.{name}, 0.0) as {name}"));
        let (own, all) = (own.collect::<Vec<_>>().concat(), all.collect::<Vec<_>>().concat());
        format!(
            "with {}\nselect t.variant as variant, t.units as units, coalesce(v.n, 0) as n{all} \
             from (select a.variant as variant, count(*) as units from {table} a where {condition} group by a.variant) t \
             left join (select variant, count(*) as n{own} from novi_values group by variant) v \
             on v.variant = t.variant order by 1",
            self.per_unit(metric, first)
        )
    }

    /// The values of units at ranks, from 1, of their variants.
    pub(crate) fn ranked(
        &self,
        metric: &Metric,
        first: DateTime<Utc>,
        ranks: &[(String, [u64; 3])],
    ) -> String {
        let chosen: Vec<String> = (ranks.iter())
            .map(|(variant, [lower, middle, upper])| {
                let variant = self.dialect.string(variant);
                format!("(variant = {variant} and place in ({lower}, {middle}, {upper}))")
            })
            .collect();
        format!(
            "with {}\nselect variant, place, y from (select variant, y, \
             row_number() over (partition by variant order by y) as place from novi_values) r where {}",
            self.per_unit(metric, first),
            chosen.join(" or ")
        )
    }
}

/// Replaces `:start` and `:end` outside of strings, quoted names and comments.
fn with_times(sql: &str, start: &str, end: &str) -> String {
    let mut text = String::with_capacity(sql.len() + start.len() + end.len());
    let mut rest = sql;
    while let Some(at) = rest.find(['\'', '"', '`', '-', ':']) {
        let (before, found) = rest.split_at(at);
        text.push_str(before);
        let length = match found.chars().next() {
            Some(quote @ ('\'' | '"' | '`')) => {
                found.get(1..).and_then(|inner| inner.find(quote)).map_or(found.len(), |close| close + 2)
            }
            Some('-') if found.starts_with("--") => found.find('\n').unwrap_or(found.len()),
            // A cast of PostgreSQL.
            Some(':') if found.starts_with("::") => 2,
            Some(':') => {
                let name: String =
                    found.chars().skip(1).take_while(|next| next.is_alphanumeric() || *next == '_').collect();
                let value = match name.as_str() {
                    "start" => start,
                    "end" => end,
                    _ => {
                        text.push(':');
                        rest = found.get(1..).unwrap_or_default();
                        continue;
                    }
                };
                text.push_str(value);
                rest = found.get(1 + name.len()..).unwrap_or_default();
                continue;
            }
            _ => 1,
        };
        let (taken, left) = found.split_at_checked(length).unwrap_or((found, ""));
        text.push_str(taken);
        rest = left;
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_replaced_outside_of_strings() {
        let sql = "select ':start', \":end\", a::start, b -- :start isn't\n where t >= :start and t < :end and x = :started";
        let expected = "select ':start', \":end\", a::start, b -- :start isn't\n where t >= S and t < E and x = :started";
        assert_eq!(with_times(sql, "S", "E"), expected);
        assert_eq!(with_times("'", "S", "E"), "'");
        assert_eq!(with_times("é':", "S", "E"), "é':");
    }

    #[test]
    fn strings_are_quoted() {
        assert_eq!(Dialect::MySql.string("a'b\\"), "'a''b\\\\'");
        assert_eq!(Dialect::Postgres.string("a'b\\"), "'a''b\\'");
    }
}
