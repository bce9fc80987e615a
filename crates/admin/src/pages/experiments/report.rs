//! What an experiment says so far, as a part of its page.

use askama::Template;
use axum::http::StatusCode;
use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, TimeDelta, Utc};
use novi_experiments::charts::{self, number, signed};
use novi_stats::distribution::Normal;
use serde::Deserialize;

use super::{
    data::{Compared, Interval, Metric, Report, ends},
    path_of,
};
use crate::{
    api::{Failure, escape},
    charts::{Colors, Stacked},
    evaluations::{Evaluations, OfResult},
    visit::Visit,
    words::{Markup, time},
};

/// How many moments lifts are shown at, each of which reads the outcomes again.
const MOMENTS: i32 = 6;

/// The probability with which an effect would be found.
const POWER: f64 = 0.8;

/// Days before the last ones are not drawn.
const MOST_DAYS: i64 = 120;

/// Whether lifts are shown over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Over {
    #[default]
    Now,
    Time,
}

#[derive(Template)]
#[template(path = "experiment_report.html")]
struct ReportPart {
    /// Why there is no report.
    missing: Option<String>,
    path: String,
    found: Option<Found>,
    over: Over,
}

struct Found {
    from: Markup,
    until: Markup,
    /// Whether no exposure counts yet.
    is_early: bool,
    control: String,
    /// The probability of intervals, in percent.
    level: String,
    warnings: Vec<String>,
    /// Variants with what is shown of them so far.
    verdicts: Vec<(String, String)>,
    /// Variants with their units and the weight that was planned.
    units: Vec<(String, String, String)>,
    ratio: Option<(bool, String)>,
    days: Stacked,
    metrics: Vec<MetricPart>,
}

/// A variant with its units at a step, and their share.
type StepCells = (String, String, String);

struct MetricPart {
    name: String,
    description: Option<String>,
    is_guardrail: bool,
    problem: Option<String>,
    warnings: Vec<String>,
    chart: Markup,
    rows: Vec<Row>,
    /// The lift that would be found with the units so far.
    power: Vec<String>,
    steps: Vec<(String, Vec<StepCells>)>,
    over_time: Option<OverTime>,
    query: String,
}

struct OverTime {
    chart: Markup,
    /// The class of each variant's color, and its name.
    variants: Vec<(String, String)>,
    rows: Vec<(String, Vec<(String, String)>)>,
}

struct Row {
    variant: String,
    value: String,
    lift: String,
    interval: String,
    always: String,
    p: String,
    chance: String,
    verdict: String,
}

/// The report of an experiment; `None` if there are no records of it. `order` are the variants of its row.
pub(super) async fn section(
    visit: &Visit,
    name: &str,
    order: &[String],
    over: Over,
) -> Result<Option<Markup>, Failure> {
    let path = path_of(name);
    let missing = |text: &str| {
        let missing = Some(text.to_owned());
        Markup::rendered(&ReportPart { missing, path: path.clone(), found: None, over })
    };
    let report = match report(visit, name, None).await {
        Ok(report) => report,
        Err(failure) if failure.status == StatusCode::UNAUTHORIZED => return Err(failure),
        Err(failure) if failure.status == StatusCode::NOT_FOUND => {
            let text = "No unit was exposed yet: nobody has been evaluated by code that records exposures.";
            return Ok((!order.is_empty()).then(|| missing(text)));
        }
        Err(failure) => return Ok(Some(missing(&failure.message))),
    };
    let moments = if over == Over::Time { moments(visit, name, &report).await } else { Vec::new() };
    let found = Some(Found::of(&report, order, &moments));
    Ok(Some(Markup::rendered(&ReportPart {
        missing: None,
        path: format!("{}{path}", visit.prefix()),
        found,
        over,
    })))
}

async fn report(visit: &Visit, name: &str, until: Option<DateTime<Utc>>) -> Result<Report, Failure> {
    let until = until.map(|until| until.to_rfc3339_opts(SecondsFormat::Millis, true));
    let query = until.map_or_else(String::new, |until| format!("?until={}", escape(&until)));
    let found = visit.api().get(&format!("/api/experiments/{}{query}", escape(name))).await?;
    let failed =
        |error: serde_json::Error| Failure::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
    serde_json::from_value(found).map_err(failed)
}

/// Reports at moments between the first and the last exposure that counts.
async fn moments(visit: &Visit, name: &str, last: &Report) -> Vec<(String, Report)> {
    let first = last.days.first().and_then(|day| day.day.parse::<NaiveDate>().ok());
    let first = first.map_or(last.from, |day| day.and_time(NaiveTime::MIN).and_utc()).max(last.from);
    let step = (last.until - first) / MOMENTS;
    let format = if step < TimeDelta::days(1) { "%-d %b %H:%M" } else { "%-d %b" };
    let mut found = Vec::new();
    for place in 1..MOMENTS {
        let until = first + step * place;
        // Before the first units there is nothing to compare.
        if let Ok(report) = report(visit, name, Some(until)).await {
            found.push((until.format(format).to_string(), report));
        }
    }
    found.push((last.until.format(format).to_string(), last.clone()));
    found
}

impl Found {
    fn of(report: &Report, order: &[String], moments: &[(String, Report)]) -> Self {
        let order: Vec<String> =
            if order.is_empty() { report.units.keys().cloned().collect() } else { order.to_vec() };
        let ratio = report.sample_ratio.as_ref();
        let weight = |variant: &str| ratio.and_then(|ratio| ratio.weights.get(variant));
        let units = report.units.iter().map(|(variant, units)| {
            (variant.clone(), number(*units), weight(variant).map(ToString::to_string).unwrap_or_default())
        });
        Self {
            from: time(report.from),
            until: time(report.until),
            is_early: report.from > report.until,
            control: report.control.clone(),
            level: format!("{} %", (1e4 * (1.0 - report.alpha)).round() / 100.0),
            warnings: report.warnings.clone(),
            verdicts: verdicts(report),
            units: units.collect(),
            ratio: ratio.map(|ratio| (ratio.is_broken, plain(Some(ratio.p)))),
            days: days(report, &order),
            // A metric without units only repeats the warning that there are none.
            metrics: report
                .metrics
                .iter()
                .filter(|_| report.units.values().any(|units| *units > 0))
                .map(|metric| MetricPart::of(metric, report, &order, moments))
                .collect(),
        }
    }
}

/// What is shown of each variant, over all metrics. Empty if the units do not fit the weights.
fn verdicts(report: &Report) -> Vec<(String, String)> {
    if report.metrics.is_empty() || report.sample_ratio.as_ref().is_some_and(|ratio| ratio.is_broken) {
        return Vec::new();
    }
    let metrics_where = |variant: &str, verdict: &str| {
        let is_so = |found: &Compared| found.variant == variant && found.verdict == verdict;
        let metrics = report.metrics.iter().filter(|metric| metric.variants.iter().any(is_so));
        let names: Vec<&str> = metrics.map(|metric| metric.name.as_str()).collect();
        (!names.is_empty()).then(|| format!("{verdict} in {}", names.join(", ")))
    };
    let variants = report.units.keys().filter(|variant| **variant != report.control);
    let verdict = |variant: &String| {
        let found: Vec<String> =
            ["better", "worse"].into_iter().filter_map(|verdict| metrics_where(variant, verdict)).collect();
        let text = if found.is_empty() { "no difference shown yet".to_owned() } else { found.join("; ") };
        (variant.clone(), text)
    };
    variants.map(verdict).collect()
}

/// New units by day and variant.
fn days(report: &Report, order: &[String]) -> Stacked {
    let parse = |day: &str| day.parse::<NaiveDate>().ok();
    let all: Vec<NaiveDate> = report.days.iter().filter_map(|day| parse(&day.day)).collect();
    let (Some(first), Some(last)) = (all.iter().min(), all.iter().max()) else {
        return Stacked::new(&Evaluations::default(), 24, order);
    };
    let first = (*first).max(*last - TimeDelta::days(MOST_DAYS - 1));
    let hours = usize::try_from(24 * ((*last - first).num_days() + 1)).unwrap_or_default();
    let of_variant = |(variant, _): (&String, &i64)| {
        let mut result =
            OfResult { enabled: true, variant: Some(variant.clone()), total: 0, hours: vec![0; hours] };
        for day in &report.days {
            let units = day.units.get(variant).copied().unwrap_or_default();
            let place = parse(&day.day).map(|day| 24 * (day - first).num_days());
            let hour = place.and_then(|place| result.hours.get_mut(usize::try_from(place).ok()?));
            if let Some(hour) = hour {
                *hour += units;
                result.total += units;
            }
        }
        result
    };
    let results: Vec<OfResult> = report.units.iter().map(of_variant).collect();
    let total = results.iter().map(|result| result.total).sum();
    let first_hour = first.and_time(NaiveTime::MIN).and_utc();
    Stacked::of("new unit", &Evaluations { first_hour, total, results, ..Evaluations::default() }, 24, order)
}

impl MetricPart {
    fn of(metric: &Metric, report: &Report, order: &[String], moments: &[(String, Report)]) -> Self {
        let value = |variant: &str| {
            let value = metric.values.get(variant).copied().flatten();
            if metric.is_proportion() { share(value) } else { plain(value) }
        };
        let control = Row { variant: report.control.clone(), value: value(&report.control), ..Row::EMPTY };
        let others = metric.variants.iter().map(|found| Row::of(found, value(&found.variant), metric));
        let mut colors = Colors::new(order);
        let lifts: Vec<_> = (metric.variants.iter())
            .filter_map(|found| {
                let class = colors.class_of(true, Some(&found.variant));
                Some((class, found.variant.clone(), found.lift?))
            })
            .collect();
        let power = lifts.iter().filter_map(|(_, variant, lift)| {
            let effect = detectable(lift, report.alpha)?;
            Some(format!("With the units so far, a lift of {variant} of ±{} would be found with a probability of 80 %.", share(Some(effect))))
        });
        let steps = metric.steps.iter().map(|step| {
            let of_variant = |(variant, units): (&String, &i64)| {
                (variant.clone(), number(*units), share(step.values.get(variant).copied().flatten()))
            };
            (step.step.clone(), step.units.iter().map(of_variant).collect())
        });
        Self {
            name: metric.name.clone(),
            description: metric.description.clone(),
            is_guardrail: metric.guardrail,
            problem: metric.problem.clone(),
            warnings: metric.warnings.clone(),
            chart: Markup::of(charts::lifts(
                &lifts.iter().map(|(class, variant, lift)| lift.drawn(class, variant)).collect::<Vec<_>>(),
            )),
            rows: std::iter::once(control).chain(others).collect(),
            power: power.collect(),
            steps: steps.collect(),
            over_time: OverTime::of(metric, order, moments),
            query: metric.query.clone(),
        }
    }
}

impl OverTime {
    /// `None` if neither a lift nor a difference is known.
    fn of(metric: &Metric, order: &[String], moments: &[(String, Report)]) -> Option<Self> {
        let mut colors = Colors::new(order);
        let variants: Vec<(String, String)> = (metric.variants.iter())
            .map(|found| (colors.class_of(true, Some(&found.variant)), found.variant.clone()))
            .collect();
        let found_at = |report: &Report, variant: &str| {
            let found = report.metrics.iter().find(|found| found.name == metric.name)?;
            found.variants.iter().find(|found| found.variant == variant).cloned()
        };
        let mut is_known = false;
        let mut cell = |found: Option<&Compared>| {
            let (lift, difference) = found.map(|found| (found.lift, found.difference)).unwrap_or_default();
            is_known |= lift.is_some() || difference.is_some();
            match (lift, difference) {
                (Some(lift), _) => (signed(lift.estimate), ends(lift.interval_at_any_time, signed)),
                // The control is too close to zero to be divided by.
                (None, Some(difference)) => (
                    metric.difference(difference.estimate),
                    metric.difference_ends(difference.interval_at_any_time),
                ),
                (None, None) => ("unknown".to_owned(), String::new()),
            }
        };
        let (mut rows, mut lifts) = (Vec::new(), Vec::new());
        for (at, report) in moments {
            let found: Vec<_> = variants.iter().map(|(_, variant)| found_at(report, variant)).collect();
            rows.push((at.clone(), found.iter().map(|found| cell(found.as_ref())).collect()));
            lifts.push((at.clone(), found.into_iter().map(|found| found?.lift).collect()));
        }
        let drawn: Vec<(&str, Vec<_>)> = (lifts.iter())
            .map(|(at, lifts): &(String, Vec<Option<Interval>>)| {
                let lifts = variants.iter().zip(lifts);
                let drawn = lifts.map(|((class, name), lift)| Some(lift.as_ref()?.drawn(class, name)));
                (at.as_str(), drawn.collect())
            })
            .collect();
        let chart = Markup::of(charts::moments(&drawn));
        is_known.then_some(Self { chart, variants, rows })
    }
}

impl Row {
    const EMPTY: Self = Self {
        variant: String::new(),
        value: String::new(),
        lift: String::new(),
        interval: String::new(),
        always: String::new(),
        p: String::new(),
        chance: String::new(),
        verdict: String::new(),
    };

    fn of(found: &Compared, value: String, metric: &Metric) -> Self {
        let (variant, problem) = (found.variant.clone(), found.problem.clone());
        let (lift, interval, always) = match (found.lift, found.difference) {
            (Some(lift), _) => {
                (signed(lift.estimate), ends(lift.interval, signed), ends(lift.interval_at_any_time, signed))
            }
            // The control is too close to zero to be divided by.
            (None, Some(difference)) => (
                metric.difference(difference.estimate),
                metric.difference_ends(difference.interval),
                metric.difference_ends(difference.interval_at_any_time),
            ),
            (None, None) => {
                return Self { variant, value, verdict: problem.unwrap_or_default(), ..Self::EMPTY };
            }
        };
        let verdict = match found.verdict.as_str() {
            "better" => "better",
            "worse" => "worse",
            _ => "not shown yet",
        };
        Self {
            variant,
            value,
            lift,
            interval,
            always,
            p: plain(found.p_adjusted.or(found.p)),
            chance: chance(found.chance_to_win),
            verdict: verdict.to_owned(),
        }
    }
}

impl Metric {
    fn is_proportion(&self) -> bool {
        self.kind["kind"] == "proportion"
    }

    /// A difference of shares is in percentage points, as the shares are in percent.
    fn difference(&self, value: Option<f64>) -> String {
        if self.is_proportion() {
            format!("{} points", hundredths(value))
        } else {
            format!("{} (difference)", plain(value))
        }
    }

    fn difference_ends(&self, interval: [Option<f64>; 2]) -> String {
        if self.is_proportion() {
            format!("{} points", ends(interval, hundredths))
        } else {
            ends(interval, plain)
        }
    }
}

/// The smallest lift that would be found with the units so far, read once.
fn detectable(lift: &Interval, alpha: f64) -> Option<f64> {
    let [low, high] = lift.interval;
    let quantile = Normal.isf(alpha / 2.0);
    let error = (high? - low?) / (2.0 * quantile);
    Some(error * (quantile + Normal.isf(1.0 - POWER))).filter(|effect| effect.is_finite())
}

/// A share in percent.
fn share(value: Option<f64>) -> String {
    value.map_or_else(|| "unknown".to_owned(), |value| format!("{} %", (value * 1e4).round() / 100.0))
}

/// A difference of shares, in percentage points.
fn hundredths(value: Option<f64>) -> String {
    value.map_or_else(|| "unknown".to_owned(), |value| format!("{:+}", (value * 1e4).round() / 100.0))
}

/// A probability in percent. It is neither impossible nor certain because it was rounded.
fn chance(value: Option<f64>) -> String {
    match value {
        Some(value) if value > 0.9999 => "> 99.99 %".to_owned(),
        Some(value) if value < 0.0001 => "< 0.01 %".to_owned(),
        value => share(value),
    }
}

/// A number with at most four significant digits.
fn plain(value: Option<f64>) -> String {
    let Some(value) = value.filter(|value| value.is_finite()) else { return "unknown".to_owned() };
    if value == 0.0 {
        return "0".to_owned();
    }
    #[expect(clippy::cast_possible_truncation, reason = "the exponent of a number is small")]
    let digits = (3 - value.abs().log10().floor() as i32).clamp(0, 300);
    if digits > 8 {
        return format!("{value:.1e}");
    }
    let unit = 10_f64.powi(digits);
    format!("{}", (value * unit).round() / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_four_digits() {
        let shown = [0.0, 12.345_67, 0.001_234_56, 123_456.7, 1e-12].map(|value| plain(Some(value)));
        assert_eq!(shown, ["0", "12.35", "0.001235", "123457", "1.0e-12"]);
        assert_eq!((plain(None), share(Some(0.123_456))), ("unknown".to_owned(), "12.35 %".to_owned()));
        assert_eq!([0.001_352, -0.012].map(|value| hundredths(Some(value))), ["+0.14", "-1.2"]);
        let chances = [0.999_97, 0.5, 0.000_01].map(|value| chance(Some(value)));
        assert_eq!(chances, ["> 99.99 %", "50 %", "< 0.01 %"]);
    }

    #[test]
    fn detectable_lift_follows_from_the_interval() {
        let ends = [Some(-0.196), Some(0.196)];
        let lift = Interval { estimate: Some(0.0), interval: ends, interval_at_any_time: ends };
        // A standard error of 0.1: 1.96 + 0.84 of it.
        let effect = detectable(&lift, 0.05).unwrap();
        assert!((effect - 0.2802).abs() < 1e-3, "{effect}");
    }

    #[test]
    fn differences_stand_for_lifts_that_are_not_known() {
        let ends = [Some(-0.5), Some(1.5)];
        let difference = Interval { estimate: Some(0.5), interval: ends, interval_at_any_time: ends };
        let variant =
            Compared { variant: "b".to_owned(), difference: Some(difference), ..Compared::default() };
        let metric = Metric { name: "errors".to_owned(), variants: vec![variant], ..Metric::default() };
        let report = Report {
            from: DateTime::UNIX_EPOCH,
            until: DateTime::UNIX_EPOCH,
            control: "a".to_owned(),
            units: [("a".to_owned(), 5), ("b".to_owned(), 5)].into(),
            days: Vec::new(),
            sample_ratio: None,
            alpha: 0.05,
            metrics: vec![metric.clone()],
            warnings: Vec::new(),
        };
        let order = ["a", "b"].map(str::to_owned);
        let over = OverTime::of(&metric, &order, &[("1 Nov".to_owned(), report.clone())]).unwrap();
        assert_eq!(over.rows[0].1, [("0.5 (difference)".to_owned(), "-0.5 to 1.5".to_owned())]);
        let shares = Metric { kind: serde_json::json!({"kind": "proportion"}), ..metric.clone() };
        let row = Row::of(&shares.variants[0], String::new(), &shares);
        assert_eq!((&*row.lift, &*row.interval), ("+50 points", "-50 to +150 points"));
        // A chart has lifts only.
        assert!(over.chart.is_empty());
        let verdict =
            |report: &Report| verdicts(report).into_iter().map(|(_, text)| text).collect::<Vec<_>>();
        assert_eq!(verdict(&report), ["no difference shown yet"]);
        let named = |name: &str, verdict: &str| {
            let mut metric = Metric { name: name.to_owned(), ..metric.clone() };
            verdict.clone_into(&mut metric.variants[0].verdict);
            metric
        };
        let metrics = vec![named("orders", "better"), named("errors", "worse"), named("revenue", "better")];
        let report = Report { metrics, ..report };
        assert_eq!(verdict(&report), ["better in orders, revenue; worse in errors"]);
        let (weights, p) = ([].into(), 0.0);
        let broken = super::super::data::SampleRatio { weights, p, is_broken: true };
        assert!(verdicts(&Report { sample_ratio: Some(broken), ..report.clone() }).is_empty());
        let nothing = Report { metrics: Vec::new(), ..report };
        assert!(OverTime::of(&metric, &order, &[("1 Nov".to_owned(), nothing)]).is_none());
    }

    #[test]
    fn units_of_days_are_bars_by_variant() {
        let day = |day: &str, units: i64| super::super::data::Day {
            day: day.to_owned(),
            units: [("a".to_owned(), units)].into(),
        };
        let report = Report {
            from: DateTime::UNIX_EPOCH,
            until: DateTime::UNIX_EPOCH,
            control: "a".to_owned(),
            units: [("a".to_owned(), 5)].into(),
            days: vec![day("2026-11-01", 2), day("2026-11-03", 3)],
            sample_ratio: None,
            alpha: 0.05,
            metrics: Vec::new(),
            warnings: Vec::new(),
        };
        let stacked = days(&report, &["a".to_owned()]);
        let rows: Vec<_> = stacked.rows.iter().map(|(at, counts)| (at.as_str(), counts.join(" "))).collect();
        assert_eq!(rows, [("2026-11-03 00:00", "3".to_owned()), ("2026-11-01 00:00", "2".to_owned())]);
        assert!(stacked.chart.to_string().contains("5 new units since 2026-11-01"), "{}", stacked.chart);
    }
}
