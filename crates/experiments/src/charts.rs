//! Charts as SVG, of reports and of the admin page. Places along an axis are percentages, so that a chart fits any width and
//! its texts keep their size; colors are classes, so that it follows the colors of its page.
//!
//! A string takes all that is written to it, so results of writing are ignored.

use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Timelike as _, Utc};

/// Room for the plot, and above and below it for texts.
const PLOT: f64 = 170.0;
const TOP: f64 = 16.0;
const BELOW: f64 = 20.0;

/// The height of a lift, and of a bar of a step.
const ROW: f64 = 34.0;
const BAR: f64 = 18.0;

/// A part of a length in percent.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "for a picture")]
pub fn part(part: i64, whole: i64) -> f64 {
    part as f64 * 100.0 / whole.max(1) as f64
}

/// A number with separators: 12,345.
#[must_use]
pub fn number(number: i64) -> String {
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
#[must_use]
pub fn counted(what: &str, count: i64) -> String {
    format!("{} {what}{}", number(count), if count == 1 { "" } else { "s" })
}

/// A lift in percent, with its sign.
#[must_use]
pub fn signed(lift: Option<f64>) -> String {
    match lift {
        Some(lift) if lift.is_finite() => {
            let rounded = (lift * 1000.0).round() / 10.0;
            format!("{}{} %", if rounded > 0.0 { "+" } else { "" }, rounded + 0.0)
        }
        _ => "unknown".to_owned(),
    }
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

/// One color of stacked bars.
#[derive(Clone, Copy, Debug)]
pub struct Layer<'a> {
    /// The class of the color.
    pub class: &'a str,
    /// What it counts.
    pub name: &'a str,
    /// The count of each bar.
    pub counts: &'a [i64],
}

/// Stacked bars of so many hours each, with an axis of hours or days. Empty if nothing is counted.
#[must_use]
pub fn bars(what: &str, first: DateTime<Utc>, hours_per_bar: usize, layers: &[Layer<'_>]) -> String {
    let bars = layers.iter().map(|layer| layer.counts.len()).max().unwrap_or_default();
    let sum = |bar: usize| layers.iter().map(|layer| at(layer.counts, bar)).sum::<i64>();
    let most = (0..bars).map(sum).max().unwrap_or_default();
    if most <= 0 {
        return String::new();
    }
    let scale = round_up(most);
    let y = |count: i64| TOP + PLOT - part(count, scale) / 100.0 * PLOT;
    let (width, mut svg) = (100.0 / float(bars), String::new());
    // Texts are in front of the bars.
    let mut labels = String::new();
    for line in [scale / 2, scale].into_iter().filter(|line| *line > 0) {
        grid(&mut svg, &mut labels, y(line), &number(line));
    }
    let mut below = vec![0; bars];
    for layer in layers {
        let _ = write!(svg, r#"<g class="{}">"#, layer.class);
        for (bar, below) in below.iter_mut().enumerate() {
            let count = at(layer.counts, bar);
            if count > 0 {
                let (bottom, top) = (y(*below), y(*below + count));
                let (x, height) = (width * (float(bar) + 0.1), bottom - top);
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
    let _ = write!(svg, r#"<line class="axis" x1="0" x2="100%" y1="{0:.1}" y2="{0:.1}"/>"#, TOP + PLOT);
    svg.push_str(&ticks(first, whole(bars) * whole(hours_per_bar)));
    svg.push_str(&labels);
    let total = |layer: &Layer<'_>| layer.counts.iter().sum::<i64>();
    let named: Vec<String> =
        layers.iter().map(|layer| format!("{} {}", layer.name, number(total(layer)))).collect();
    let since = first.format("%Y-%m-%d %H:%M UTC");
    let all = counted(what, layers.iter().map(total).sum());
    drawn("chart", TOP + PLOT + BELOW, &format!("{all} since {since}: {}", named.join(", ")), &svg)
}

fn at(counts: &[i64], place: usize) -> i64 {
    counts.get(place).copied().unwrap_or_default()
}

/// A line across the plot, with its label.
fn grid(svg: &mut String, labels: &mut String, y: f64, label: &str) {
    let _ = write!(svg, r#"<line class="grid" x1="0" x2="100%" y1="{y:.1}" y2="{y:.1}"/>"#);
    let _ = write!(labels, r#"<text x="0" y="{:.1}">{label}</text>"#, y - 4.0);
}

/// Lines at some full hours of a day or some days, with their names.
fn ticks(first: DateTime<Utc>, hours: i64) -> String {
    let step = if hours <= 24 { 6 } else { 24 * (hours + 24 * 7 - 1).div_euclid(24 * 7) };
    let format = if hours <= 24 { "%H:%M" } else { "%-d %b" };
    let mut svg = String::new();
    let mut after = i64::from(if step < 24 { (6 - first.hour() % 6) % 6 } else { (24 - first.hour()) % 24 });
    while after < hours {
        let (x, at, bottom) = (part(after, hours), first + TimeDelta::hours(after), TOP + PLOT);
        let _ = write!(
            svg,
            r#"<line class="axis" x1="{x:.2}%" x2="{x:.2}%" y1="{bottom:.1}" y2="{:.1}"/>"#,
            bottom + 5.0
        );
        // Without room for the text at the right edge.
        if x < 94.0 {
            below(&mut svg, x, "start", &at.format(format).to_string());
        }
        after += step;
    }
    svg
}

/// A text below the plot.
fn below(svg: &mut String, x: f64, anchor: &str, text: &str) {
    let y = TOP + PLOT + 18.0;
    let _ = write!(
        svg,
        r#"<text class="day" x="{x:.2}%" y="{y:.1}" text-anchor="{anchor}">{}</text>"#,
        escaped(text)
    );
}

/// The lift of a variant. An end of an interval that is not known is open.
#[derive(Clone, Copy, Debug)]
pub struct Lift<'a> {
    /// The class of the variant's color.
    pub class: &'a str,
    /// The variant.
    pub variant: &'a str,
    /// The estimate.
    pub estimate: Option<f64>,
    /// The interval that is valid if it is read once.
    pub interval: [Option<f64>; 2],
    /// The interval that is valid at any time.
    pub at_any_time: [Option<f64>; 2],
}

/// The largest lift, in either direction; `None` if none is known.
fn widest<'a>(lifts: impl Iterator<Item = &'a Lift<'a>>) -> Option<f64> {
    let ends = lifts.flat_map(|lift| lift.at_any_time.into_iter().flatten().chain(lift.estimate));
    let widest = ends.map(f64::abs).fold(0.0, f64::max);
    (widest > 0.0 && widest.is_finite()).then_some(widest)
}

/// The lift of each variant: a thick line for the interval that is valid once, a thin one for that at any time. Empty if
/// none is known.
#[must_use]
pub fn lifts(lifts: &[Lift<'_>]) -> String {
    let Some(widest) = widest(lifts.iter()) else { return String::new() };
    let x = |lift: f64| 50.0 + 45.0 * (lift / widest).clamp(-1.0, 1.0);
    let bottom = ROW * float(lifts.len());
    let mut svg = format!(r#"<line class="grid" x1="50%" x2="50%" y1="0" y2="{bottom}"/>"#);
    let mut texts = Vec::new();
    for (place, lift) in lifts.iter().enumerate() {
        let y = ROW * float(place) + 22.0;
        let _ = write!(svg, r#"<g class="lift {}">"#, lift.class);
        for (name, [low, high]) in [("always", lift.at_any_time), ("once", lift.interval)] {
            let (low, high) = (x(low.unwrap_or(-widest)), x(high.unwrap_or(widest)));
            let _ = write!(svg, r#"<line class="{name}" x1="{low:.2}%" x2="{high:.2}%" y1="{y}" y2="{y}"/>"#);
        }
        if let Some(estimate) = lift.estimate {
            let _ = write!(svg, r#"<circle cx="{:.2}%" cy="{y}" r="5"/>"#, x(estimate));
        }
        let _ = write!(svg, r#"</g><text x="0" y="{}">{}</text>"#, y - 10.0, escaped(lift.variant));
        let [low, high] = lift.at_any_time.map(signed);
        texts.push(format!("{} {}, at any time {low} to {high}", lift.variant, signed(lift.estimate)));
    }
    for (lift, anchor) in [(-widest, "start"), (0.0, "middle"), (widest, "end")] {
        let _ = write!(
            svg,
            r#"<text class="tick" x="{:.2}%" y="{}" text-anchor="{anchor}">{}</text>"#,
            x(lift),
            bottom + 14.0,
            signed(Some(lift))
        );
    }
    drawn("lifts", bottom + BELOW, &format!("Lift: {}", texts.join("; ")), &svg)
}

/// The lift of each variant at some moments, with the intervals that are valid at any time. Empty if none is known.
#[must_use]
pub fn moments(moments: &[(&str, Vec<Option<Lift<'_>>>)]) -> String {
    let known = moments.iter().flat_map(|(_, lifts)| lifts.iter().flatten());
    let Some(widest) = widest(known) else { return String::new() };
    let y = |lift: f64| TOP + PLOT / 2.0 * (1.0 - (lift / widest).clamp(-1.0, 1.0));
    let (mut svg, mut labels) = (String::new(), String::new());
    for lift in [widest, 0.0, -widest] {
        grid(&mut svg, &mut labels, y(lift), &signed(Some(lift)));
    }
    svg.push_str(&labels);
    let step = 100.0 / float(moments.len().max(1));
    for (place, (moment, lifts)) in moments.iter().enumerate() {
        for (number, lift) in lifts.iter().enumerate() {
            let Some(lift) = lift else { continue };
            let x = step * (float(place) + (float(number) + 1.0) / (float(lifts.len()) + 1.0));
            let [low, high] = lift.at_any_time;
            let (low, high) = (y(low.unwrap_or(-widest)), y(high.unwrap_or(widest)));
            let _ = write!(
                svg,
                r#"<g class="lift {}"><line class="always" x1="{x:.2}%" x2="{x:.2}%" y1="{low:.1}" y2="{high:.1}"/>"#,
                lift.class
            );
            if let Some(estimate) = lift.estimate {
                let _ = write!(svg, r#"<circle cx="{x:.2}%" cy="{:.1}" r="4"/>"#, y(estimate));
            }
            svg.push_str("</g>");
        }
        below(&mut svg, step * (float(place) + 0.5), "middle", moment);
    }
    let text = "Lift over time, with intervals that are valid at any time; the table has the numbers";
    drawn("chart", TOP + PLOT + BELOW, text, &svg)
}

/// A step of a funnel, and for each variant the class of its color, its name, and the share of its units.
pub(crate) type Step<'a> = (&'a str, Vec<(String, &'a str, f64)>);

/// The share of units that reach each step of a funnel: a bar for each variant.
pub(crate) fn steps(steps: &[Step<'_>]) -> String {
    const NAMES: f64 = 25.0;
    let (mut svg, mut y) = (String::new(), 0.0);
    for (step, variants) in steps {
        let _ = write!(svg, r#"<text x="0" y="{:.1}">{}</text>"#, y + 0.75 * BAR, escaped(step));
        for (class, variant, share) in variants {
            y += BAR;
            let width = (100.0 - 1.6 * NAMES) * share.clamp(0.0, 1.0);
            let _ = write!(
                svg,
                r#"<text x="2%" y="{0:.1}">{1}</text><rect class="{class}" x="{NAMES}%" y="{2:.1}" width="{width:.2}%" height="{3:.1}"/><text x="{4:.2}%" y="{0:.1}">{5:.2} %</text>"#,
                y + 0.75 * BAR,
                escaped(variant),
                y + 2.0,
                BAR - 4.0,
                NAMES + width + 1.0,
                100.0 * share,
            );
        }
        y += BAR;
    }
    drawn("chart", y, "Share of units that reach each step; the table has the numbers", &svg)
}

fn drawn(class: &str, height: f64, label: &str, content: &str) -> String {
    let label = escaped(label);
    format!(
        r#"<svg class="{class}" width="100%" height="{height}" role="img" aria-label="{label}">{content}</svg>"#
    )
}

fn escaped(text: &str) -> String {
    let escape = |letter| match letter {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        letter => char::to_string(&letter),
    };
    text.chars().map(escape).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a place in a short list")]
fn float(count: usize) -> f64 {
    count as f64
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lift(estimate: f64, [low, high]: [f64; 2]) -> Lift<'static> {
        let ends = [Some(low), Some(high)];
        let interval = ends.map(|end| end.map(|end| end / 2.0));
        Lift { class: "s1", variant: "<b>", estimate: Some(estimate), interval, at_any_time: ends }
    }

    #[test]
    fn numbers_have_separators_and_scales_are_round() {
        assert_eq!(
            [0, 999, 1000, 1_234_567, -1200].map(number),
            ["0", "999", "1,000", "1,234,567", "-1,200"]
        );
        assert_eq!([1, 2, 3, 19, 21, 199, 201, 1234].map(round_up), [1, 2, 4, 20, 40, 200, 220, 1400]);
        let shown = [0.031_49, -0.2, 0.0, -0.000_01, f64::NAN].map(|lift| signed(Some(lift)));
        assert_eq!(shown, ["+3.1 %", "-20 %", "0 %", "0 %", "unknown"]);
    }

    #[test]
    fn bars_are_stacked_over_an_axis_of_days() {
        let layer = |class, name, counts| Layer { class, name, counts };
        let layers = [layer("s0", "<a>", &[2, 0, 4][..]), layer("s1", "b", &[1, 3, 0])];
        let svg = bars("unit", DateTime::UNIX_EPOCH, 24, &layers);
        assert_eq!(svg.matches("<rect").count(), 4, "{svg}");
        assert!(svg.contains("10 units since 1970-01-01 00:00 UTC: &lt;a&gt; 6, b 4"), "{svg}");
        assert!(svg.contains(">2 Jan</text>") && svg.contains(r#"class="axis""#), "{svg}");
        assert!(bars("unit", DateTime::UNIX_EPOCH, 24, &[layer("s0", "a", &[0])]).is_empty());
    }

    #[test]
    fn intervals_are_lines_around_zero() {
        assert!(lifts(&[]).is_empty());
        let svg = lifts(&[lift(0.05, [-0.1, 0.1])]);
        assert!(svg.contains(r#"<g class="lift s1"><line class="always" x1="5.00%" x2="95.00%""#), "{svg}");
        assert!(svg.contains(r#"<circle cx="72.50%""#) && svg.contains("&lt;b&gt;"), "{svg}");
        let open = Lift { at_any_time: [None, Some(0.1)], ..lift(0.05, [-0.1, 0.1]) };
        assert!(lifts(&[open]).contains(r#"x1="5.00%""#));
    }

    #[test]
    fn moments_have_a_line_for_each_variant() {
        let svg = moments(&[("1 Nov", vec![Some(lift(0.1, [-0.2, 0.2])), None])]);
        assert_eq!(svg.matches("<circle").count(), 1, "{svg}");
        assert!(svg.contains("1 Nov") && svg.contains("+20 %"), "{svg}");
        assert!(moments(&[]).is_empty());
    }
}
