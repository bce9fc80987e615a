//! Charts as SVG. Places along the time are percentages, so that a chart fits any width and its texts keep their size;
//! colors are classes, so that it follows the color scheme.

use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Timelike as _, Utc};

use crate::{
    evaluations::Evaluations,
    words::{COLORS, Escaped, Markup},
};

/// The most results with a color of their own; all others share one.
const MOST_RESULTS: usize = COLORS;

/// A part of a length in percent.
#[expect(clippy::cast_precision_loss, reason = "for a picture")]
pub(crate) fn percent(part: i64, whole: i64) -> f64 {
    part as f64 * 100.0 / whole.max(1) as f64
}

/// A number with separators: 12,345.
pub(crate) fn number(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0 { format!("-{text}") } else { text }
}

/// So many of what is counted.
fn counted(what: &str, count: i64) -> String {
    format!("{} {what}{}", number(count), if count == 1 { "" } else { "s" })
}

/// Bars of the evaluations in each hour. Empty if there were none.
pub(crate) fn sparkline(found: &Evaluations) -> Markup {
    const HEIGHT: f64 = 24.0;
    let hours = found.by_hour();
    let most = hours.iter().copied().max().unwrap_or_default();
    if most <= 0 {
        return Markup::default();
    }
    let (width, mut bars) = (percent(1, count_of(&hours)), String::new());
    for (place, count) in hours.iter().enumerate() {
        // An hour with few evaluations differs from one without any.
        let height = if *count > 0 { (percent(*count, most) / 100.0 * HEIGHT).max(2.0) } else { 1.0 };
        let class = if *count > 0 { "" } else { r#" class="none""# };
        let x = width * place_of(place);
        // Writing to a string does not fail.
        let _ = write!(
            bars,
            r#"<rect{class} x="{x:.2}%" y="{:.1}" width="{:.2}%" height="{height:.1}"/>"#,
            HEIGHT - height,
            width * 0.75
        );
    }
    let text =
        format!("{} in 24 hours, at most {} in an hour", counted("evaluation", found.total), number(most));
    Markup::of(format!(
        r#"<svg class="spark" role="img" aria-label="{text}"><title>{text}</title>{bars}</svg>"#
    ))
}

fn count_of<T>(list: &[T]) -> i64 {
    i64::try_from(list.len()).unwrap_or(i64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "a place in a short list")]
fn place_of(place: usize) -> f64 {
    place as f64
}

/// The evaluations of a flag as stacked bars, with what a legend and a table need.
pub(crate) struct Stacked {
    pub(crate) chart: Markup,
    /// The results: class, name, number and share of the evaluations.
    pub(crate) legend: Vec<(String, String, String, String)>,
    /// The steps with evaluations, newest first: start and the number of each result.
    pub(crate) rows: Vec<(String, Vec<String>)>,
}

/// A result with its evaluations in each step.
struct Layer {
    class: String,
    name: String,
    total: i64,
    steps: Vec<i64>,
}

impl Stacked {
    /// A chart with bars of so many hours each. `order` are the variants whose colors are known from the bar of the
    /// flag's shares.
    pub(crate) fn new(found: &Evaluations, hours_per_bar: usize, order: &[String]) -> Self {
        Self::of("evaluation", found, hours_per_bar, order)
    }

    /// The same of something else, which is counted by hours as well.
    pub(crate) fn of(what: &str, found: &Evaluations, hours_per_bar: usize, order: &[String]) -> Self {
        let layers = layers(found, hours_per_bar, order);
        let bars = layers.iter().map(|layer| layer.steps.len()).max().unwrap_or_default();
        let sums: Vec<i64> =
            (0..bars).map(|bar| layers.iter().map(|layer| at(&layer.steps, bar)).sum()).collect();
        let step = TimeDelta::hours(i64::try_from(hours_per_bar).unwrap_or(1));
        let start = |bar: usize| found.first_hour + step * i32::try_from(bar).unwrap_or(i32::MAX);
        let rows = (0..bars).rev().filter(|bar| at(&sums, *bar) > 0).map(|bar| {
            let counts = layers.iter().map(|layer| number(at(&layer.steps, bar)));
            (start(bar).format("%Y-%m-%d %H:%M").to_string(), counts.collect())
        });
        let legend = layers.iter().map(|layer| {
            let share = format!("{:.1} %", percent(layer.total, found.total));
            (layer.class.clone(), layer.name.clone(), number(layer.total), share)
        });
        let (rows, legend) = (rows.collect(), legend.collect());
        Self { chart: draw(what, found, (&layers, &sums), hours_per_bar), legend, rows }
    }
}

fn at(counts: &[i64], place: usize) -> i64 {
    counts.get(place).copied().unwrap_or_default()
}

fn layers(found: &Evaluations, hours_per_bar: usize, order: &[String]) -> Vec<Layer> {
    let mut layers: Vec<Layer> = Vec::new();
    let mut colors = Colors::new(order);
    let mut results: Vec<_> = found.results.iter().filter(|result| result.total > 0).collect();
    results.sort_by_key(|result| (!result.enabled, colors.rank(result.label())));
    for (place, result) in results.iter().enumerate() {
        let steps: Vec<i64> =
            result.hours.chunks(hours_per_bar.max(1)).map(|hours| hours.iter().sum()).collect();
        let is_named = !result.enabled || place < MOST_RESULTS;
        if !is_named && let Some(last) = layers.iter_mut().rfind(|layer| layer.name == OTHERS) {
            last.total += result.total;
            for (sum, count) in last.steps.iter_mut().zip(steps) {
                *sum += count;
            }
            continue;
        }
        let class = colors.class_of(result.enabled, result.variant.as_deref());
        let name = if is_named { result.label().to_owned() } else { OTHERS.to_owned() };
        layers.push(Layer { class, name, total: result.total, steps });
    }
    layers
}

/// The colors of results: variants have those of the flag's shares, and others the next ones.
pub(crate) struct Colors<'a> {
    order: &'a [String],
    next: usize,
}

impl<'a> Colors<'a> {
    /// `order` are the variants whose colors are known from the bar of the flag's shares.
    pub(crate) fn new(order: &'a [String]) -> Self {
        Self { order, next: order.len() }
    }

    /// The place of a variant among those of the bar; the largest number for all others.
    fn rank(&self, variant: &str) -> usize {
        self.order.iter().position(|known| known == variant).unwrap_or(usize::MAX)
    }

    /// The class of a result's color.
    pub(crate) fn class_of(&mut self, enabled: bool, variant: Option<&str>) -> String {
        match (variant.map_or(usize::MAX, |variant| self.rank(variant)), enabled) {
            (_, false) => "s-off".to_owned(),
            (usize::MAX, true) if variant.is_none() && self.order.is_empty() => "s-on".to_owned(),
            (usize::MAX, true) => {
                self.next += 1;
                format!("s{}", (self.next - 1) % COLORS)
            }
            (known, true) => format!("s{}", known % COLORS),
        }
    }
}

const OTHERS: &str = "other variants";

/// Room for the bars, and below them for the days.
const PLOT: f64 = 170.0;
const TOP: f64 = 16.0;

fn draw(what: &str, found: &Evaluations, (layers, sums): (&[Layer], &[i64]), hours_per_bar: usize) -> Markup {
    let most = sums.iter().copied().max().unwrap_or_default();
    if most <= 0 {
        return Markup::default();
    }
    let scale = round_up(most);
    let y = |count: i64| TOP + PLOT - percent(count, scale) / 100.0 * PLOT;
    let (width, mut svg) = (percent(1, count_of(sums)), String::new());
    // Texts are in front of the bars.
    let mut labels = String::new();
    for line in [scale / 2, scale].into_iter().filter(|line| *line > 0) {
        let (at, label) = (y(line), number(line));
        let _ = write!(svg, r#"<line class="grid" x1="0" x2="100%" y1="{at:.1}" y2="{at:.1}"/>"#);
        let _ = write!(labels, r#"<text x="0" y="{:.1}">{label}</text>"#, at - 4.0);
    }
    let mut below = vec![0; sums.len()];
    for layer in layers {
        let _ = write!(svg, r#"<g class="{}">"#, layer.class);
        for (bar, below) in below.iter_mut().enumerate() {
            let count = at(&layer.steps, bar);
            if count > 0 {
                let (bottom, top) = (y(*below), y(*below + count));
                let (x, height) = (width * (place_of(bar) + 0.1), bottom - top);
                let _ = write!(
                    svg,
                    r#"<rect x="{x:.2}%" y="{top:.1}" width="{:.2}%" height="{height:.1}"/>"#,
                    width * 0.8
                );
                *below += count;
            }
        }
        svg.push_str("</g>");
    }
    let hours = count_of(sums) * count_of_hours(hours_per_bar);
    let _ = write!(svg, r#"<line class="axis" x1="0" x2="100%" y1="{0:.1}" y2="{0:.1}"/>"#, TOP + PLOT);
    svg.push_str(&ticks(found.first_hour, hours));
    svg.push_str(&labels);
    let named: Vec<String> =
        layers.iter().map(|layer| format!("{} {}", layer.name, number(layer.total))).collect();
    let text =
        format!("{} since {}: {}", counted(what, found.total), time(found.first_hour), named.join(", "));
    let text = Escaped(&text).to_string();
    Markup::of(format!(r#"<svg class="chart" role="img" aria-label="{text}">{svg}</svg>"#))
}

fn count_of_hours(hours: usize) -> i64 {
    i64::try_from(hours).unwrap_or(1)
}

fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// Lines at some full hours of a day or some days, with their names.
fn ticks(first: DateTime<Utc>, hours: i64) -> String {
    let step = if hours <= 24 { 6 } else { 24 * (hours + 24 * 7 - 1).div_euclid(24 * 7) };
    let format = if hours <= 24 { "%H:%M" } else { "%-d %b" };
    let mut svg = String::new();
    let mut after = i64::from(if step < 24 { (6 - first.hour() % 6) % 6 } else { (24 - first.hour()) % 24 });
    while after < hours {
        let (x, at) = (percent(after, hours), first + TimeDelta::hours(after));
        let bottom = TOP + PLOT;
        let _ = write!(
            svg,
            r#"<line class="axis" x1="{x:.2}%" x2="{x:.2}%" y1="{bottom:.1}" y2="{:.1}"/>"#,
            bottom + 5.0
        );
        // Without room for the text at the right edge.
        if x < 94.0 {
            let _ = write!(
                svg,
                r#"<text class="day" x="{x:.2}%" y="{:.1}">{}</text>"#,
                bottom + 18.0,
                at.format(format)
            );
        }
        after += step;
    }
    svg
}

/// The next number with one or two significant digits, which is even if it can be.
fn round_up(number: i64) -> i64 {
    let mut unit: i64 = 1;
    while number / unit > 20 {
        unit = unit.saturating_mul(10);
    }
    let rounded = number.div_euclid(unit) + i64::from(number % unit > 0);
    let even = rounded + i64::from(rounded % 2 == 1 && rounded > 1);
    even.saturating_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluations::OfResult;

    fn found(results: Vec<OfResult>) -> Evaluations {
        let total = results.iter().map(|result| result.total).sum();
        Evaluations { first_hour: DateTime::UNIX_EPOCH, total, results, ..Evaluations::default() }
    }

    fn result(variant: Option<&str>, hours: &[i64]) -> OfResult {
        let variant = variant.map(str::to_owned);
        OfResult { enabled: variant.is_some(), variant, total: hours.iter().sum(), hours: hours.to_vec() }
    }

    #[test]
    fn numbers_have_separators_and_scales_are_round() {
        assert_eq!(
            [0, 999, 1000, 1_234_567, -1200].map(number),
            ["0", "999", "1,000", "1,234,567", "-1,200"]
        );
        assert_eq!([1, 2, 3, 19, 21, 199, 201, 1234].map(round_up), [1, 2, 4, 20, 40, 200, 220, 1400]);
    }

    #[test]
    fn sparkline_has_a_bar_for_each_hour_and_a_text() {
        assert!(sparkline(&found(vec![result(None, &[0, 0])])).is_empty());
        let svg = sparkline(&found(vec![result(None, &[1, 0]), result(Some("a"), &[1, 0])])).to_string();
        assert_eq!(svg.matches("<rect").count(), 2, "{svg}");
        assert!(svg.contains("<title>2 evaluations in 24 hours, at most 2 in an hour</title>"), "{svg}");
    }

    #[test]
    fn chart_stacks_results_in_the_colors_of_the_shares() {
        let results = vec![
            result(None, &[1, 1, 0, 0]),
            result(Some("<a>"), &[2, 0, 0, 4]),
            result(Some("b"), &[0, 3, 0, 0]),
        ];
        let stacked = Stacked::new(&found(results), 2, &["b".to_owned()]);
        let expected =
            [("s0", "b", "3", "27.3 %"), ("s1", "<a>", "6", "54.5 %"), ("s-off", "off", "2", "18.2 %")];
        let legend: Vec<_> = stacked.legend.iter().map(|(a, b, c, d)| (&**a, &**b, &**c, &**d)).collect();
        assert_eq!(legend, expected);
        let svg = stacked.chart.to_string();
        assert_eq!(svg.matches("<rect").count(), 4, "{svg}");
        assert!(!svg.contains("<a>") && svg.contains("&lt;a&gt; 6"), "{svg}");
        let rows: Vec<_> =
            stacked.rows.iter().map(|(at, counts)| format!("{at}: {}", counts.join(" "))).collect();
        assert_eq!(rows, ["1970-01-01 02:00: 0 4 0", "1970-01-01 00:00: 3 2 2"]);
    }

    #[test]
    fn many_variants_share_one_color() {
        let names: Vec<String> = (0..20).map(|number| format!("v{number:02}")).collect();
        let results = names.iter().map(|name| result(Some(name), &[1])).collect();
        let legend = Stacked::new(&found(results), 1, &[]).legend;
        let last = legend.last().map(|(_, name, count, _)| (&**name, &**count));
        assert_eq!((legend.len(), last), (MOST_RESULTS + 1, Some((OTHERS, "12"))));
    }
}
