//! The SQL that aggregates a metric, in one pass over the outcomes.

mod dialect;
mod funnel;
mod segments;
mod times;

use chrono::{DateTime, Duration, Utc};

use self::times::with_times;
pub(crate) use self::{dialect::Dialect, segments::Segments};
use crate::metric::{Kind, Metric};

/// Which assignments count.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) dialect: Dialect,
    /// What the name of the table begins with.
    pub(crate) prefix: String,
    pub(crate) experiment: String,
    pub(crate) start: Option<DateTime<Utc>>,
    pub(crate) end: DateTime<Utc>,
    /// Into which parts the units of each variant are divided.
    pub(crate) segments: Option<Segments>,
}

impl Scope {
    /// What assignments are read from: the table, or a query with the same columns.
    fn table(&self) -> String {
        let table = format!("{}novi_assignments", self.prefix);
        match &self.segments {
            None => table,
            Some(segments) => segments.table(self, &table),
        }
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

    /// How many units each variant has.
    pub(crate) fn counts(&self) -> String {
        let (table, condition) = (self.table(), self.condition());
        format!(
            "select a.variant as variant, count(*) as units from {table} a where {condition} group by a.variant"
        )
    }

    /// How many units each variant got at each revision.
    pub(crate) fn revisions(&self) -> String {
        let (table, condition) = (self.table(), self.condition());
        format!(
            "select a.variant as variant, a.revision as revision, count(*) as units from {table} a where {condition} \
             group by a.variant, a.revision"
        )
    }

    /// The outcomes of each unit that has any: `y`, of a ratio `d`, and before the exposure `x`.
    ///
    /// With `missing`, also how many outcomes that count each unit has, and how many lack something; a row without a unit
    /// has those that lack something and belong to none.
    fn per_unit(&self, metric: &Metric, first: DateTime<Utc>, missing: bool) -> String {
        if metric.kind == Kind::Funnel {
            return self.per_unit_of_funnel(metric, first);
        }
        let (dialect, within) = (self.dialect, self.within(metric));
        let ts = dialect.time("o.ts");
        let value = dialect.number("o.value");
        // The least of null and a number is null, but not in PostgreSQL.
        let capped = |sum: String| {
            metric.cap.map_or(sum.clone(), |cap| dialect.least(&format!("coalesce({sum}, 0)"), cap))
        };
        let (columns, counted) = match (metric.kind, metric.before) {
            (Kind::Proportion | Kind::Retention { .. }, _) => ("1.0 as y".to_owned(), within),
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
        let outcomes = self.outcomes(metric, first);
        let Some(missing) = missing.then(|| self.missing(metric)) else {
            return format!(
                "novi_outcomes as (\n{outcomes}\n), novi_values as (select a.variant as variant, {columns} {} \
                 and ({counted}) group by a.variant, a.id)",
                self.joined()
            );
        };
        let (table, condition) = (self.table(), self.condition());
        let columns =
            columns.replace(&format!("sum({value})"), &format!("sum({value}) filter (where {counted})"));
        format!(
            "novi_outcomes as (\n{outcomes}\n), novi_values as (select a.variant as variant, {columns}, \
             count(*) filter (where {counted}) as counted, count(*) filter (where {missing}) as missing \
             from novi_outcomes o left join {table} a on a.unit = {} and {condition} \
             where ({counted}) or {missing} group by a.variant, a.id)",
            dialect.unit("o.unit")
        )
    }

    /// Whether the sums of a metric count the outcomes that lack something: in PostgreSQL, which refuses all values that it
    /// cannot read but nulls, so that a pass of its own, [`readable`](Self::readable), is needed only if there are any.
    pub(crate) fn counts_missing(&self, metric: &Metric) -> bool {
        self.dialect == Dialect::Postgres && metric.kind != Kind::Funnel
    }

    /// Which outcomes `o` of PostgreSQL lack something.
    fn missing(&self, metric: &Metric) -> String {
        let (bad_time, bad_value) = self.unreadable(metric);
        format!("({bad_time} or {bad_value})")
    }

    /// The outcomes `o` with the assignments `a` of their units.
    fn joined(&self) -> String {
        let (table, condition) = (self.table(), self.condition());
        let (unit, join) = (self.dialect.unit("o.unit"), self.dialect.join());
        format!("from novi_outcomes o {join} {table} a on a.unit = {unit} where {condition}")
    }

    /// Which outcomes `o` of a unit count.
    fn within(&self, metric: &Metric) -> String {
        let (dialect, ts) = (self.dialect, self.dialect.time("o.ts"));
        let mut within = format!("{ts} >= {}", dialect.shifted("a.assigned_at", '+', metric.after));
        if let Some(window) = metric.window {
            within = format!("{within} and {ts} < {}", dialect.shifted("a.assigned_at", '+', window));
        }
        format!("{within} and {ts} < {}", dialect.moment(self.end))
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

    /// Which times and which values of outcomes `o` the database reads as nothing without an error.
    fn unreadable(&self, metric: &Metric) -> (&'static str, &'static str) {
        let (bad_time, bad_value) = match self.dialect {
            Dialect::Sqlite => ("julianday(o.ts) is null", "typeof(o.value) not in ('integer', 'real')"),
            // It refuses them.
            Dialect::Postgres => ("o.ts is null", "o.value is null"),
            Dialect::MySql => (
                "cast(o.ts as datetime) is null",
                "o.value is null or trim(cast(o.value as char)) not regexp '^[-+]?[0-9]*[.]?[0-9]+(e[-+]?[0-9]+)?$'",
            ),
        };
        let bad_value = match metric.kind {
            Kind::Proportion | Kind::Retention { .. } | Kind::Funnel => "1 = 0",
            _ => bad_value,
        };
        (bad_time, bad_value)
    }

    /// How many outcomes there are, and how many of them the database reads as nothing without an error.
    pub(crate) fn readable(&self, metric: &Metric, first: DateTime<Utc>) -> String {
        let (bad_time, bad_value) = self.unreadable(metric);
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
            (Kind::Funnel, _) => &[],
            _ => &["y"],
        };
        let mut sums = Vec::new();
        for (place, one) in names.iter().enumerate() {
            sums.push((format!("s{one}"), format!("sum({one})")));
            let products = names.iter().skip(place);
            sums.extend(products.map(|other| (format!("s{one}{other}"), format!("sum({one} * {other})"))));
        }
        // Sums are numbers with a fraction, and all others are counts.
        let zero = |name: &str| if name.starts_with('s') { "0.0" } else { "0" };
        sums.extend((1..=metric.steps.len()).map(|step| (format!("r{step}"), format!("count(t{step})"))));
        let counts_missing = self.counts_missing(metric);
        let counted = if counts_missing { " filter (where counted > 0)" } else { "" };
        let own = sums.iter().map(|(name, sum)| format!(", {sum}{counted} as {name}"));
        let all = sums.iter().map(|(name, _)| format!(", coalesce(v.{name}, {}) as {name}", zero(name)));
        let (mut own, mut all) = (own.collect::<Vec<_>>().concat(), all.collect::<Vec<_>>().concat());
        let mut join = "left";
        if counts_missing {
            own.push_str(", cast(sum(missing) as bigint) as missing");
            all.push_str(", coalesce(v.missing, 0) as missing");
            // Outcomes without a unit have no variant.
            join = "full";
        }
        format!(
            "with {}\nselect t.variant as variant, t.units as units, coalesce(v.n, 0) as n{all} \
             from (select a.variant as variant, count(*) as units from {table} a where {condition} group by a.variant) t \
             {join} join (select variant, count(*){counted} as n{own} from novi_values group by variant) v \
             on v.variant = t.variant order by 1",
            self.per_unit(metric, first, counts_missing)
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
            self.per_unit(metric, first, false),
            chosen.join(" or ")
        )
    }
}
