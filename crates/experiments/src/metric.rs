//! Metrics: SQL files over the application's tables.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::Serialize;

use crate::fields::Fields;

/// The fields of a metric.
const FIELDS: &str = "after, before, better, cap, description, guardrail, kind, margin and window";

/// Seconds of a day.
const DAY: u64 = 24 * 60 * 60;

/// The last day of a retention.
const LAST_DAY: u32 = 365;

/// The most steps of a funnel.
const MOST_STEPS: usize = 10;

/// What is measured of the units of an experiment: SQL that selects outcomes, and how they count.
///
/// The file is SQL whose first lines are comments with the fields:
///
/// ```
/// let text = "\
/// -- kind: mean
/// -- better: more
/// -- window: 7days
/// -- cap: 500
/// select user_id as unit, created_at as ts, amount as value from orders
/// where created_at between :start and :end";
/// let metric: novi_experiments::Metric = novi_experiments::Metric::parse("revenue", text)?;
/// assert_eq!(metric.cap, Some(500.0));
/// # Ok::<(), novi_experiments::MetricError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Metric {
    /// The name: that of the file.
    pub name: String,
    /// What it is, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How the outcomes of a unit count.
    pub kind: Kind,
    /// The steps of a funnel, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<String>,
    /// Whether more is better.
    pub better: Better,
    /// Whether it must not get worse, rather than improve.
    pub guardrail: bool,
    /// How much worse than the control a variant may be, before a guardrail stops a ramp.
    #[serde(skip_serializing_if = "Margin::is_none")]
    pub margin: Margin,
    /// How long after its exposure the outcomes of a unit begin to count, in seconds.
    pub after: u64,
    /// How long after its exposure the outcomes of a unit count, in seconds; `None` until the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<u64>,
    /// The most that a unit counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cap: Option<f64>,
    /// How long before its exposure the outcomes of a unit are used to reduce the variance (CUPED), in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// The SQL. It selects `unit`, `ts` (the time), and `value`; of a ratio, also `denominator`; of a funnel `step`, and no
    /// value.
    pub sql: String,
    /// Why there is no such metric: its file is missing, or invalid. A report has it in its place.
    #[serde(skip)]
    pub problem: Option<String>,
}

/// How the outcomes of a unit count.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// The sum of the values, per unit: revenue, orders.
    Mean,
    /// Whether there is any outcome: the share of units that buy. With `after`, the share that comes back.
    Proportion,
    /// The sum of the values by the sum of the denominators: revenue per order.
    Ratio,
    /// The share of units that have an outcome on a day after their exposure. Days are 24 hours from the exposure on: day
    /// 1 begins 24 hours after it, and ends after 48.
    Retention {
        /// The day, from 1.
        day: u32,
    },
    /// The share of units that reach the last of several steps, in their order: [`Metric::steps`].
    Funnel,
    /// A quantile of the sums of units that have outcomes.
    Quantile {
        /// The level, such as 0.9.
        level: f64,
    },
    /// The file of the metric is missing or invalid.
    Unknown,
}

/// How much worse a variant may be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Margin {
    /// As a part of the control's value.
    Relative(f64),
    /// In the unit of the metric.
    Absolute(f64),
}

impl Default for Margin {
    fn default() -> Self {
        Self::Relative(0.0)
    }
}

impl Margin {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// In which direction a metric improves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// More is better, as of revenue.
    #[default]
    More,
    /// Less is better, as of errors.
    Less,
}

/// Why a file is no metric.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("metric {name:?}: {problem}")]
pub struct MetricError {
    pub(crate) name: String,
    pub(crate) problem: String,
}

impl Metric {
    /// Reads a file with SQL. `name` is its name without the extension.
    ///
    /// # Errors
    /// If a field is unknown or invalid, or the SQL selects nothing.
    pub fn parse(name: &str, text: &str) -> Result<Self, MetricError> {
        let fail = |problem: String| MetricError { name: name.to_owned(), problem };
        let mut fields = Fields::read(text.trim_start_matches('\u{feff}')).map_err(fail)?;
        let (kind, steps) = kind_of(&mut fields).map_err(fail)?;
        let (after, window) =
            (fields.duration("after").map_err(fail)?, fields.duration("window").map_err(fail)?);
        let (after, window) = counted(kind, after, window).map_err(fail)?;
        let metric = Self {
            name: name.to_owned(),
            description: fields.take("description").map(|(_, value)| value),
            kind,
            steps,
            better: fields
                .choice("better", &[("more", Better::More), ("less", Better::Less)])
                .map_err(fail)?,
            guardrail: fields.choice("guardrail", &[("false", false), ("true", true)]).map_err(fail)?,
            margin: margin_of(&mut fields).map_err(fail)?,
            after,
            window,
            cap: fields.number("cap").map_err(fail)?,
            before: fields.duration("before").map_err(fail)?,
            sql: fields.sql.trim().trim_end_matches(';').trim_end().to_owned(),
            problem: None,
        };
        fields.finish(FIELDS).map_err(fail)?;
        metric.check().map_err(fail)?;
        Ok(metric)
    }

    /// A metric whose file is missing or invalid, with the reason.
    pub(crate) fn unknown(name: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            description: None,
            kind: Kind::Unknown,
            steps: Vec::new(),
            better: Better::default(),
            guardrail: false,
            margin: Margin::default(),
            after: 0,
            window: None,
            cap: None,
            before: None,
            sql: String::new(),
            problem: Some(problem.into()),
        }
    }

    fn check(&self) -> Result<(), String> {
        if self.sql.is_empty() {
            return Err("expected SQL that selects unit, ts and value below the comments".to_owned());
        }
        if self.window.is_some_and(|window| window <= self.after) {
            return Err("expected a `window` that is longer than `after`".to_owned());
        }
        if self.cap.is_some_and(|cap| cap <= 0.0) {
            return Err("expected a `cap` above 0".to_owned());
        }
        if !self.guardrail && !self.margin.is_none() {
            return Err("`margin` needs `guardrail: true`".to_owned());
        }
        let only_mean = [("cap", self.cap.is_some()), ("before", self.before.is_some())];
        if self.kind != Kind::Mean
            && let Some((field, _)) = only_mean.into_iter().find(|(_, is_set)| *is_set)
        {
            return Err(format!("`{field}` needs `kind: mean`"));
        }
        Ok(())
    }
}

/// `2%` of the control's value, or a number.
fn margin_of(fields: &mut Fields<'_>) -> Result<Margin, String> {
    let Some((line, value)) = fields.take("margin") else { return Ok(Margin::default()) };
    let (number, is_relative) =
        value.strip_suffix('%').map_or((value.as_str(), false), |rest| (rest.trim(), true));
    let number = f64::from_str(number).ok().filter(|number| number.is_finite() && *number >= 0.0);
    let number =
        number.ok_or_else(|| format!("line {line}: margin: expected `2%` or a number, found {value:?}"))?;
    Ok(if is_relative { Margin::Relative(number / 100.0) } else { Margin::Absolute(number) })
}

/// From when to when outcomes count, in seconds after the exposure.
fn counted(kind: Kind, after: Option<u64>, window: Option<u64>) -> Result<(u64, Option<u64>), String> {
    let Kind::Retention { day } = kind else { return Ok((after.unwrap_or_default(), window)) };
    if after.is_some() || window.is_some() {
        return Err("`after` and `window` are those of the day of `kind: retention`; remove them".to_owned());
    }
    Ok((DAY * u64::from(day), Some(DAY * (u64::from(day) + 1))))
}

/// The steps of a funnel.
fn steps(list: &str) -> Result<Vec<String>, String> {
    let steps: Vec<String> = list.split(',').map(|step| step.trim().to_owned()).collect();
    let is_twice = |step: &String| steps.iter().filter(|other| *other == step).count() > 1;
    if !(2..=MOST_STEPS).contains(&steps.len()) || steps.iter().any(|step| step.is_empty() || is_twice(step))
    {
        return Err(format!(
            "expected 2 to {MOST_STEPS} different steps of a funnel, as in `funnel view, cart, buy`, found {list:?}"
        ));
    }
    Ok(steps)
}

/// The kind, and the steps of a funnel.
fn kind_of(fields: &mut Fields<'_>) -> Result<(Kind, Vec<String>), String> {
    const EXPECTED: &str = "expected `-- kind: mean`, `proportion`, `ratio`, `quantile 0.9`, `retention 7` or `funnel view, cart, buy`";
    let Some((line, value)) = fields.take("kind") else { return Err(EXPECTED.to_owned()) };
    let unknown = || format!("line {line}: {EXPECTED}, found {value:?}");
    let (name, argument) = value.split_once(' ').unwrap_or((&value, ""));
    let argument = argument.trim();
    let kind = match (name, argument.is_empty()) {
        ("mean", true) => Kind::Mean,
        ("proportion", true) => Kind::Proportion,
        ("ratio", true) => Kind::Ratio,
        ("quantile", false) => {
            let level = f64::from_str(argument).ok().filter(|level| *level > 0.0 && *level < 1.0);
            level.map(|level| Kind::Quantile { level }).ok_or_else(unknown)?
        }
        ("retention", false) => {
            let day = u32::from_str(argument).ok().filter(|day| (1..=LAST_DAY).contains(day));
            let problem = || format!("line {line}: expected a day from 1 to {LAST_DAY}, found {argument:?}");
            Kind::Retention { day: day.ok_or_else(problem)? }
        }
        ("funnel", false) => {
            let steps = steps(argument).map_err(|problem| format!("line {line}: {problem}"))?;
            return Ok((Kind::Funnel, steps));
        }
        _ => return Err(unknown()),
    };
    Ok((kind, Vec::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        Metric::parse("m", text).unwrap_err().to_string()
    }

    #[test]
    fn fields_are_read_from_comments() {
        let text = "-- What an order brings in\n-- kind: quantile 0.9\n-- better: less\n\n-- guardrail: true\n\
                    -- after: 1day\n-- window: 8days\nselect 1; \n";
        let metric = Metric::parse("m", text).unwrap();
        assert_eq!(metric.kind, Kind::Quantile { level: 0.9 });
        assert_eq!((metric.better, metric.guardrail), (Better::Less, true));
        assert_eq!((metric.after, metric.window), (86_400, Some(8 * 86_400)));
        assert_eq!(metric.sql, "select 1");
        let funnel = Metric::parse("m", "-- kind: funnel view,  add to cart,buy\nselect 1").unwrap();
        assert_eq!(
            (funnel.kind, funnel.steps),
            (Kind::Funnel, ["view", "add to cart", "buy"].map(str::to_owned).into())
        );
        let margin = |text: &str| {
            Metric::parse("m", &format!("-- kind: mean\n-- guardrail: true\n-- margin: {text}\nselect 1"))
                .unwrap()
                .margin
        };
        assert_eq!((margin("2 %"), margin("0.5")), (Margin::Relative(0.02), Margin::Absolute(0.5)));
        let week = Metric::parse("m", "-- kind: retention 7\nselect 1").unwrap();
        assert_eq!((week.after, week.window), (7 * 86_400, Some(8 * 86_400)));
    }

    #[test]
    fn invalid_fields_are_reported_with_their_line() {
        for (text, expected) in [
            ("select 1", "metric \"m\": expected `-- kind: mean`"),
            (
                "-- kind: mode\nselect 1",
                "line 1: expected `-- kind: mean`, `proportion`, `ratio`, `quantile 0.9`, `retention 7` or `funnel",
            ),
            ("-- kind: mean 7\nselect 1", "found \"mean 7\""),
            ("-- kind: mean\n-- margin: 2%\nselect 1", "`margin` needs `guardrail: true`"),
            (
                "-- kind: mean\n-- guardrail: true\n-- margin: -1\nselect 1",
                "line 3: margin: expected `2%` or a number",
            ),
            ("-- kind: funnel\nselect 1", "line 1: expected `-- kind: mean`"),
            ("-- kind: funnel a\nselect 1", "line 1: expected 2 to 10 different steps"),
            ("-- kind: funnel a, b, a\nselect 1", "found \"a, b, a\""),
            ("-- kind: funnel a,,b\nselect 1", "expected 2 to 10 different steps"),
            ("-- kind: funnel a, b\n-- cap: 1\nselect 1", "`cap` needs `kind: mean`"),
            ("-- kind: retention 0\nselect 1", "line 1: expected a day from 1 to 365, found \"0\""),
            ("-- kind: retention 1\n-- after: 1day\nselect 1", "`after` and `window` are those of the day"),
            ("-- kind: quantile 1\nselect 1", "line 1: expected"),
            ("-- kind: mean\n-- kind: mean\nselect 1", "line 2: the field `kind` occurs twice"),
            ("-- kind: mean\n-- windw: 7days\nselect 1", "line 2: unknown field `windw`, expected after"),
            ("-- kind: mean\n-- window: soon\nselect 1", "line 2: window: expected a duration"),
            ("-- kind: mean\n-- window: 800days\nselect 1", "at most a year"),
            ("-- kind: mean\n-- better: red\nselect 1", "better: expected `more` or `less`, found \"red\""),
            ("-- kind: mean\n-- cap: x\nselect 1", "cap: expected a number"),
            ("-- kind: mean\n-- cap: -1\nselect 1", "expected a `cap` above 0"),
            ("-- kind: ratio\n-- cap: 1\nselect 1", "`cap` needs `kind: mean`"),
            ("-- kind: mean\n-- after: 2days\n-- window: 1day\nselect 1", "longer than `after`"),
            ("-- kind: mean\n", "expected SQL"),
        ] {
            assert!(problem(text).contains(expected), "{text}: {}", problem(text));
        }
    }
}
