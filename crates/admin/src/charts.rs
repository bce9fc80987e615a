//! Charts of evaluations: [`novi_experiments::charts`] draws them, but for those of a line.

use std::fmt::Write as _;

use chrono::TimeDelta;
use novi_experiments::charts::{self, Layer as Bars, counted, number, part};

use crate::{
    evaluations::Evaluations,
    words::{COLORS, Markup},
};

/// The most results with a color of their own; all others share one.
const MOST_RESULTS: usize = COLORS;

/// Bars of the evaluations in each hour. Empty if there were none.
pub(crate) fn sparkline(found: &Evaluations) -> Markup {
    const HEIGHT: f64 = 24.0;
    let hours = found.by_hour();
    let most = hours.iter().copied().max().unwrap_or_default();
    if most <= 0 {
        return Markup::default();
    }
    let (width, mut bars) = (part(1, count_of(&hours)), String::new());
    for (place, count) in hours.iter().enumerate() {
        // An hour with few evaluations differs from one without any.
        let height = if *count > 0 { (part(*count, most) / 100.0 * HEIGHT).max(2.0) } else { 1.0 };
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
            let share = format!("{:.1} %", part(layer.total, found.total));
            (layer.class.clone(), layer.name.clone(), number(layer.total), share)
        });
        let (rows, legend) = (rows.collect(), legend.collect());
        let bars: Vec<Bars<'_>> = (layers.iter())
            .map(|layer| Bars { class: &layer.class, name: &layer.name, counts: &layer.steps })
            .collect();
        let chart = Markup::of(charts::bars(what, found.first_hour, hours_per_bar, &bars));
        Self { chart, legend, rows }
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

#[cfg(test)]
mod tests {
    use chrono::DateTime;

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
