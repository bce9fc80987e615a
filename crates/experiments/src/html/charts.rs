//! Charts as SVG. A string takes all that is written to it.

use std::fmt::Write as _;

use crate::{
    report::{Interval, MetricReport, Report},
    text::percent,
};

/// The size of the chart of intervals.
const WIDTH: f64 = 480.0;
const ROW: f64 = 28.0;

/// The size of the chart of days.
const DAYS_WIDTH: f64 = 640.0;
const DAYS_HEIGHT: f64 = 120.0;
const AXIS: f64 = 60.0;
const LABELS: f64 = 16.0;

/// The height of a bar of a funnel, and the width of the names of variants.
const BAR: f64 = 18.0;
const NAMES: f64 = 120.0;

/// The intervals of the lift, with zero as a line. Thin lines are the intervals that are valid at any time.
pub(super) fn lifts(report: &MetricReport) -> String {
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
    let mut svg = opened(WIDTH, height, "Lift with intervals");
    let (middle, bottom) = (WIDTH / 2.0, height - 16.0);
    write!(svg, "<line class=\"zero\" x1=\"{middle}\" x2=\"{middle}\" y1=\"0\" y2=\"{bottom}\"/>").ok();
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

/// New units by day, as bars. The axis has the most units of a day, and the first and the last day.
pub(super) fn days(report: &Report) -> String {
    let totals: Vec<u64> = report.days.iter().map(|day| day.units.values().sum()).collect();
    let Some(most) = totals.iter().copied().max().filter(|most| *most > 0) else { return String::new() };
    let step = (DAYS_WIDTH - AXIS) / float(totals.len());
    let bottom = DAYS_HEIGHT - LABELS;
    let mut svg = opened(DAYS_WIDTH, DAYS_HEIGHT, "New units by day");
    for (place, total) in totals.iter().enumerate() {
        let height = (bottom - LABELS) * part(*total, most);
        let (x, y) = (AXIS + step * float(place), bottom - height);
        let width = (step - 1.0).max(0.5);
        write!(svg, "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>").ok();
    }
    for (y, units) in [(LABELS, most), (bottom, 0)] {
        let label = y + 4.0;
        write!(
            svg,
            "<line class=\"axis\" x1=\"{AXIS}\" x2=\"{DAYS_WIDTH}\" y1=\"{y}\" y2=\"{y}\"/>\
             <text x=\"{}\" y=\"{label}\" text-anchor=\"end\">{units}</text>",
            AXIS - 4.0
        )
        .ok();
    }
    let ends = [(AXIS, "start", report.days.first()), (DAYS_WIDTH, "end", report.days.last())];
    for (x, anchor, day) in ends.into_iter().take(totals.len().min(2)) {
        let day = day.map(|day| escaped(&day.day)).unwrap_or_default();
        write!(svg, "<text x=\"{x}\" y=\"{}\" text-anchor=\"{anchor}\">{day}</text>", DAYS_HEIGHT - 4.0).ok();
    }
    svg + "</svg>"
}

/// The share of units that reach each step of a funnel: a bar for each variant.
pub(super) fn funnel(report: &MetricReport) -> String {
    let per_step = report.values.len() + 1;
    let height = BAR * float(report.steps.len() * per_step);
    let mut svg = opened(WIDTH, height, "Share of units that reach each step");
    for (place, step) in report.steps.iter().enumerate() {
        let top = BAR * float(place * per_step);
        write!(svg, "<text x=\"2\" y=\"{:.1}\">{}</text>", top + 0.75 * BAR, escaped(&step.step)).ok();
        for (number, (variant, share)) in (1..).zip(&step.values) {
            let y = top + BAR * float(number);
            let width = (WIDTH - 2.0 * NAMES) * share;
            write!(
                svg,
                "<text x=\"12\" y=\"{0:.1}\">{1}</text>\
                 <rect x=\"{NAMES}\" y=\"{2:.1}\" width=\"{width:.1}\" height=\"{3:.1}\"/>\
                 <text x=\"{4:.1}\" y=\"{0:.1}\">{5:.2} %</text>",
                y + 0.75 * BAR,
                escaped(variant),
                y + 2.0,
                BAR - 4.0,
                NAMES + width + 4.0,
                100.0 * share,
            )
            .ok();
        }
    }
    svg + "</svg>"
}

fn opened(width: f64, height: f64, label: &str) -> String {
    format!(
        "<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" \
         aria-label=\"{label}; the table has the numbers\">"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[expect(clippy::cast_precision_loss, reason = "a few rows")]
fn float(count: usize) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "the height of a bar")]
fn part(units: u64, most: u64) -> f64 {
    units as f64 / most as f64
}
