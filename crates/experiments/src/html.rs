//! Reports as one HTML file that needs nothing else.

use std::fmt::Write as _;

use askama::Template;

use crate::{
    report::{Comparison, Interval, MetricReport, Report},
    text::{heading, moment, number, percent, value_of, verdict},
};

/// The size of the chart of intervals.
const WIDTH: f64 = 480.0;
const ROW: f64 = 28.0;

/// The size of the chart of days.
const DAYS_WIDTH: f64 = 640.0;
const DAYS_HEIGHT: f64 = 120.0;

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    report: &'a Report,
    from: String,
    until: String,
    interval: String,
    days: String,
    metrics: Vec<MetricPage<'a>>,
}

struct MetricPage<'a> {
    heading: String,
    description: Option<&'a str>,
    problem: Option<&'a str>,
    warnings: &'a [String],
    chart: String,
    rows: Vec<Row>,
    query: &'a str,
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
    };
    page.render().map_err(|_| std::fmt::Error)
}

impl<'a> MetricPage<'a> {
    fn new(report: &'a MetricReport, control: &str) -> Self {
        let value = |variant: &str| {
            report.values.get(variant).map(|value| value_of(&report.metric, *value)).unwrap_or_default()
        };
        let mut rows = vec![Row::control(control, value(control))];
        for variant in &report.variants {
            rows.push(match &variant.result {
                Some(result) => Row::of(&variant.variant, value(&variant.variant), result),
                None => Row {
                    verdict: variant.problem.clone().unwrap_or_default(),
                    ..Row::control(&variant.variant, value(&variant.variant))
                },
            });
        }
        Self {
            heading: heading(&report.metric),
            description: report.metric.description.as_deref(),
            problem: report.problem.as_deref(),
            warnings: &report.warnings,
            chart: chart(report),
            rows,
            query: &report.query,
        }
    }
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

/// The intervals of the lift, with zero as a line. Thin lines are the intervals that are valid at any time.
fn chart(report: &MetricReport) -> String {
    let lifts: Vec<(&str, Interval)> = (report.variants.iter())
        .filter_map(|variant| Some((variant.variant.as_str(), variant.result.as_ref()?.lift?)))
        .collect();
    let ends = lifts.iter().flat_map(|(_, lift)| lift.interval_at_any_time);
    let widest = ends.map(f64::abs).fold(0.0, f64::max);
    if lifts.is_empty() || widest == 0.0 || !widest.is_finite() {
        return String::new();
    }
    let x = |lift: f64| WIDTH / 2.0 * (1.0 + 0.9 * lift / widest);
    let height = ROW * float(lifts.len()) + 20.0;
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\" aria-label=\"Lift with \
         intervals; the table has the numbers\"><line class=\"zero\" x1=\"{0}\" x2=\"{0}\" y1=\"0\" y2=\"{1}\"/>",
        WIDTH / 2.0,
        height - 16.0
    );
    for (place, (variant, lift)) in lifts.iter().enumerate() {
        let y = ROW * (float(place) + 0.5);
        let [low, high] = lift.interval.map(x);
        let [low_always, high_always] = lift.interval_at_any_time.map(x);
        // A string takes all.
        write!(
            svg,
            "<line class=\"always\" x1=\"{low_always:.1}\" x2=\"{high_always:.1}\" y1=\"{y}\" y2=\"{y}\"/>\
             <line class=\"once\" x1=\"{low:.1}\" x2=\"{high:.1}\" y1=\"{y}\" y2=\"{y}\"/>\
             <circle cx=\"{:.1}\" cy=\"{y}\" r=\"4\"/><text x=\"2\" y=\"{}\">{}</text>",
            x(lift.estimate),
            y - 6.0,
            escaped(variant)
        )
        .ok();
    }
    for (lift, anchor) in [(-widest, "start"), (0.0, "middle"), (widest, "end")] {
        let (at, y) = (x(lift), height - 4.0);
        write!(svg, "<text x=\"{at:.1}\" y=\"{y}\" text-anchor=\"{anchor}\">{}</text>", percent(lift)).ok();
    }
    svg + "</svg>"
}

/// New units by day, as bars.
fn days(report: &Report) -> String {
    let totals: Vec<u64> = report.days.iter().map(|day| day.units.values().sum()).collect();
    let Some(most) = totals.iter().copied().max().filter(|most| *most > 0) else { return String::new() };
    let step = DAYS_WIDTH / float(totals.len());
    let mut svg = format!(
        "<svg viewBox=\"0 0 {DAYS_WIDTH} {DAYS_HEIGHT}\" width=\"{DAYS_WIDTH}\" height=\"{DAYS_HEIGHT}\" role=\"img\" \
         aria-label=\"New units by day; the table has the numbers\">"
    );
    for (place, total) in totals.iter().enumerate() {
        #[expect(clippy::cast_precision_loss, reason = "the height of a bar")]
        let height = (DAYS_HEIGHT - 4.0) * *total as f64 / most as f64;
        let (x, y) = (step * float(place), DAYS_HEIGHT - height);
        write!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{height:.1}\"/>",
            (step - 1.0).max(0.5)
        )
        .ok();
    }
    svg + "</svg>"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[expect(clippy::cast_precision_loss, reason = "a few rows")]
fn float(count: usize) -> f64 {
    count as f64
}
