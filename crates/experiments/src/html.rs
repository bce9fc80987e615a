//! Reports as one HTML file that needs nothing else.

use std::collections::BTreeMap;

use askama::Template;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use crate::{
    charts::{self, Layer, Lift},
    report::{
        Breakdown, Comparison, Interval, MetricReport, Report, Segment, SegmentMetric, StepReport,
        VariantReport,
    },
    text::{heading, moment, number, percent, value_of, verdict},
};

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    report: &'a Report,
    from: String,
    until: String,
    interval: String,
    days: String,
    metrics: Vec<MetricPage<'a>>,
    breakdowns: Vec<BreakdownPage<'a>>,
}

/// A breakdown, with a table for each metric.
struct BreakdownPage<'a> {
    by: &'a str,
    problem: Option<&'a str>,
    warnings: &'a [String],
    tables: Vec<(String, Vec<SegmentRow>)>,
}

struct SegmentRow {
    segment: String,
    units: String,
    false_discovery: String,
    row: Row,
}

struct MetricPage<'a> {
    heading: String,
    description: Option<&'a str>,
    problem: Option<&'a str>,
    warnings: &'a [String],
    chart: String,
    tables: Vec<Table>,
    query: &'a str,
}

/// A row for each variant; of a funnel, a table for each step.
struct Table {
    step: Option<String>,
    rows: Vec<Row>,
}

struct Row {
    variant: String,
    value: String,
    lift: String,
    interval: String,
    always: String,
    p: String,
    adjusted: String,
    chance: String,
    verdict: String,
}

/// A report as one HTML file, with its numbers as tables and its SQL. It loads nothing and runs no script.
///
/// # Errors
/// None that is known: a string takes all.
pub fn html(report: &Report) -> Result<String, std::fmt::Error> {
    let page = Page {
        report,
        from: moment(report.from),
        until: moment(report.until),
        interval: format!("{}\u{a0}%", (1e5 * (1.0 - report.alpha)).round() / 1e3),
        days: days(report),
        metrics: report.metrics.iter().map(|metric| MetricPage::new(metric, &report.control)).collect(),
        breakdowns: report.breakdowns.iter().map(|found| BreakdownPage::new(report, found)).collect(),
    };
    page.render().map_err(|_| std::fmt::Error)
}

/// The class of the color of a variant.
fn color(place: usize) -> String {
    format!("s{}", place % 8)
}

/// New units by day and variant.
fn days(report: &Report) -> String {
    let all: BTreeMap<NaiveDate, _> =
        report.days.iter().filter_map(|day| Some((day.day.parse().ok()?, day))).collect();
    let (Some(first), Some(last)) = (all.keys().next(), all.keys().next_back()) else { return String::new() };
    let counts = |variant: &String| -> Vec<i64> {
        let days = first.iter_days().take_while(|day| day <= last);
        let units = |day| all.get(&day).and_then(|day| day.units.get(variant)).copied().unwrap_or_default();
        days.map(|day| i64::try_from(units(day)).unwrap_or(i64::MAX)).collect()
    };
    let counts: Vec<_> =
        report.units.keys().enumerate().map(|(place, name)| (color(place), name, counts(name))).collect();
    let layers: Vec<_> = counts.iter().map(|(class, name, counts)| Layer { class, name, counts }).collect();
    let first: DateTime<Utc> = first.and_time(NaiveTime::MIN).and_utc();
    charts::bars("new unit", first, 24, &layers)
}

/// The lift of each variant.
fn lifts(report: &MetricReport) -> String {
    let found = report.variants.iter().filter_map(|variant| Some((variant, variant.result.as_ref()?.lift?)));
    let classes: Vec<String> = (0..report.variants.len()).map(|place| color(place + 1)).collect();
    let lifts: Vec<_> = (classes.iter().zip(found))
        .map(|(class, (variant, lift))| Lift {
            class,
            variant: &variant.variant,
            estimate: Some(lift.estimate),
            interval: lift.interval.map(Some),
            at_any_time: lift.interval_at_any_time.map(Some),
        })
        .collect();
    charts::lifts(&lifts)
}

/// The share of units that reach each step of a funnel.
fn funnel(report: &MetricReport) -> String {
    let of_step = |values: &'_ BTreeMap<String, f64>| {
        let values = values.clone().into_iter().enumerate();
        values.map(|(place, (variant, share))| (color(place), variant, share)).collect::<Vec<_>>()
    };
    let shares: Vec<_> =
        report.steps.iter().map(|step| (step.step.as_str(), of_step(&step.values))).collect();
    let steps: Vec<_> = shares
        .iter()
        .map(|(step, values)| {
            let values =
                values.iter().map(|(class, variant, share)| (class.clone(), variant.as_str(), *share));
            (*step, values.collect())
        })
        .collect();
    charts::steps(&steps)
}

/// What is listed of a metric among the units with a value: of a funnel, each step.
fn parts<'f>(
    segment: &Segment,
    found: &'f SegmentMetric,
) -> Vec<(String, &'f BTreeMap<String, f64>, &'f [VariantReport])> {
    let Some((last, before)) = found.steps.split_last() else {
        return vec![(segment.value.clone(), &found.values, found.variants.as_slice())];
    };
    let name = |step: &StepReport| format!("{}: {}", segment.value, step.step);
    let steps = before.iter().map(|step| (name(step), &step.values, step.variants.as_slice()));
    steps.chain([(name(last), &found.values, found.variants.as_slice())]).collect()
}

impl<'a> BreakdownPage<'a> {
    fn new(report: &Report, breakdown: &'a Breakdown) -> Self {
        let mut tables = Vec::new();
        for (place, MetricReport { metric, .. }) in report.metrics.iter().enumerate() {
            let mut all = Vec::new();
            for segment in &breakdown.segments {
                let Some(found) = segment.metrics.get(place) else { continue };
                for (part, values, variants) in parts(segment, found) {
                    let value = |variant: &str| {
                        values.get(variant).map(|value| value_of(metric, *value)).unwrap_or_default()
                    };
                    for row in rows(&report.control, variants, value) {
                        let result = variants.iter().find(|other| other.variant == row.variant);
                        let result = result.and_then(|other| other.result.as_ref());
                        let false_discovery = result.and_then(|result| result.p_false_discovery);
                        all.push(SegmentRow {
                            segment: part.clone(),
                            units: segment.units.get(&row.variant).map(u64::to_string).unwrap_or_default(),
                            false_discovery: false_discovery.map(number).unwrap_or_default(),
                            row: match &found.problem {
                                Some(problem) => Row { verdict: problem.clone(), ..row },
                                None => row,
                            },
                        });
                    }
                }
            }
            tables.push((metric.name.clone(), all));
        }
        let (problem, warnings) = (breakdown.problem.as_deref(), &breakdown.warnings);
        Self { by: &breakdown.by, problem, warnings, tables }
    }
}

impl<'a> MetricPage<'a> {
    fn new(report: &'a MetricReport, control: &str) -> Self {
        let value = |values: &BTreeMap<String, f64>, variant: &str| {
            values.get(variant).map(|value| value_of(&report.metric, *value)).unwrap_or_default()
        };
        let table = |step: Option<&str>, values: &BTreeMap<String, f64>, variants: &[VariantReport]| Table {
            step: step.map(str::to_owned),
            rows: rows(control, variants, |variant| value(values, variant)),
        };
        let tables = if report.steps.is_empty() {
            vec![table(None, &report.values, &report.variants)]
        } else {
            let steps = report.steps.iter();
            steps.map(|step| table(Some(&step.step), &step.values, &step.variants)).collect()
        };
        Self {
            heading: heading(&report.metric),
            description: report.metric.description.as_deref(),
            problem: report.problem.as_deref(),
            warnings: &report.warnings,
            chart: if report.steps.is_empty() { lifts(report) } else { funnel(report) },
            tables,
            query: &report.query,
        }
    }
}

fn rows(control: &str, variants: &[VariantReport], value: impl Fn(&str) -> String) -> Vec<Row> {
    let mut rows = vec![Row::control(control, value(control))];
    for VariantReport { variant, result, problem } in variants {
        rows.push(match result {
            Some(result) => Row::of(variant, value(variant), result),
            None => {
                Row { verdict: problem.clone().unwrap_or_default(), ..Row::control(variant, value(variant)) }
            }
        });
    }
    rows
}

impl Row {
    fn control(variant: &str, value: String) -> Self {
        let none = String::new;
        Self {
            variant: variant.to_owned(),
            value,
            lift: none(),
            interval: none(),
            always: none(),
            p: none(),
            adjusted: none(),
            chance: none(),
            verdict: none(),
        }
    }

    fn of(variant: &str, value: String, result: &Comparison) -> Self {
        let (Interval { estimate, interval, interval_at_any_time }, show): (_, fn(f64) -> String) =
            match result.lift {
                Some(lift) => (lift, percent),
                None => (result.difference, number),
            };
        let ends = |[low, high]: [f64; 2]| format!("{} to {}", show(low), show(high));
        Self {
            variant: variant.to_owned(),
            value,
            lift: show(estimate),
            interval: ends(interval),
            always: ends(interval_at_any_time),
            p: number(result.p),
            adjusted: result.p_adjusted.map(number).unwrap_or_default(),
            chance: format!("{:.1} %", 100.0 * result.chance_to_win),
            verdict: verdict(result.verdict).to_owned(),
        }
    }
}
