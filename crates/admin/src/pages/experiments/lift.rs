//! Charts of lifts with their intervals. Places along the lift are percentages, as in other charts.

use std::fmt::Write as _;

use super::data::Interval;
use crate::words::{Escaped, Markup};

const ROW: f64 = 34.0;
const PLOT: f64 = 170.0;
const TOP: f64 = 16.0;

/// A lift in percent, with its sign.
pub(super) fn percent(lift: Option<f64>) -> String {
    match lift {
        Some(lift) if lift.is_finite() => {
            let rounded = (lift * 1000.0).round() / 10.0;
            format!("{}{} %", if rounded > 0.0 { "+" } else { "" }, rounded + 0.0)
        }
        _ => "unknown".to_owned(),
    }
}

/// Both ends of an interval.
pub(super) fn ends([low, high]: [Option<f64>; 2], show: fn(Option<f64>) -> String) -> String {
    format!("{} to {}", show(low), show(high))
}

/// The largest lift, in either direction; `None` if none is known.
fn widest<'a>(lifts: impl Iterator<Item = &'a Interval>) -> Option<f64> {
    let ends = lifts.flat_map(|lift| lift.interval_at_any_time.into_iter().flatten().chain(lift.estimate));
    let widest = ends.map(f64::abs).fold(0.0, f64::max);
    (widest > 0.0 && widest.is_finite()).then_some(widest)
}

/// The lift of each variant: a thick line for the interval that is valid once, a thin one for that at any time.
pub(super) fn intervals(lifts: &[(String, String, Interval)]) -> Markup {
    let Some(widest) = widest(lifts.iter().map(|(_, _, lift)| lift)) else { return Markup::default() };
    let x = |lift: f64| 50.0 + 45.0 * (lift / widest).clamp(-1.0, 1.0);
    let bottom = ROW * count(lifts.len());
    let mut svg = format!(r#"<line class="grid" x1="50%" x2="50%" y1="0" y2="{bottom}"/>"#);
    let mut texts = Vec::new();
    for (place, (class, variant, lift)) in lifts.iter().enumerate() {
        let y = ROW * count(place) + 22.0;
        // Writing to a string does not fail.
        let _ = write!(svg, r#"<g class="lift {class}">"#);
        for (name, [low, high]) in [("always", lift.interval_at_any_time), ("once", lift.interval)] {
            let (low, high) = (x(low.unwrap_or(-widest)), x(high.unwrap_or(widest)));
            let _ = write!(svg, r#"<line class="{name}" x1="{low:.2}%" x2="{high:.2}%" y1="{y}" y2="{y}"/>"#);
        }
        if let Some(estimate) = lift.estimate {
            let _ = write!(svg, r#"<circle cx="{:.2}%" cy="{y}" r="5"/>"#, x(estimate));
        }
        let _ = write!(svg, r#"</g><text x="0" y="{}">{}</text>"#, y - 10.0, Escaped(variant));
        let any = ends(lift.interval_at_any_time, percent);
        texts.push(format!("{variant} {}, at any time {any}", percent(lift.estimate)));
    }
    for (lift, anchor) in [(-widest, "start"), (0.0, "middle"), (widest, "end")] {
        let _ = write!(
            svg,
            r#"<text class="tick" x="{:.2}%" y="{}" text-anchor="{anchor}">{}</text>"#,
            x(lift),
            bottom + 14.0,
            percent(Some(lift))
        );
    }
    let label = Escaped(&format!("Lift: {}", texts.join("; "))).to_string();
    let height = bottom + 20.0;
    Markup::of(format!(r#"<svg class="lifts" height="{height}" role="img" aria-label="{label}">{svg}</svg>"#))
}

/// The lift of each variant at some moments, with the intervals that are valid at any time.
pub(super) struct Moments {
    /// The class of each variant's color, and its name.
    pub(super) variants: Vec<(String, String)>,
    /// The moments, and the lift of each variant if it is known.
    pub(super) rows: Vec<(String, Vec<Option<Interval>>)>,
}

impl Moments {
    pub(super) fn chart(&self) -> Markup {
        let lifts = self.rows.iter().flat_map(|(_, lifts)| lifts.iter().flatten());
        let Some(widest) = widest(lifts) else { return Markup::default() };
        let y = |lift: f64| TOP + PLOT / 2.0 * (1.0 - (lift / widest).clamp(-1.0, 1.0));
        let mut svg = String::new();
        for lift in [widest, 0.0, -widest] {
            let (at, label) = (y(lift), percent(Some(lift)));
            // Writing to a string does not fail.
            let _ = write!(
                svg,
                r#"<line class="grid" x1="0" x2="100%" y1="{at:.1}" y2="{at:.1}"/><text x="0" y="{:.1}">{label}</text>"#,
                at - 4.0
            );
        }
        let step = 100.0 / count(self.rows.len().max(1));
        let series = count(self.variants.len().max(1));
        for (place, (at, lifts)) in self.rows.iter().enumerate() {
            for (number, ((class, _), lift)) in self.variants.iter().zip(lifts).enumerate() {
                let Some(lift) = lift else { continue };
                let x = step * (count(place) + (count(number) + 1.0) / (series + 1.0));
                let [low, high] = lift.interval_at_any_time;
                let (low, high) = (y(low.unwrap_or(-widest)), y(high.unwrap_or(widest)));
                let _ = write!(
                    svg,
                    r#"<g class="lift {class}"><line class="always" x1="{x:.2}%" x2="{x:.2}%" y1="{low:.1}" y2="{high:.1}"/>"#
                );
                if let Some(estimate) = lift.estimate {
                    let _ = write!(svg, r#"<circle cx="{x:.2}%" cy="{:.1}" r="4"/>"#, y(estimate));
                }
                svg.push_str("</g>");
            }
            let (x, below) = (step * (count(place) + 0.5), TOP + PLOT + 18.0);
            let _ = write!(
                svg,
                r#"<text class="day" x="{x:.2}%" y="{below:.1}" text-anchor="middle">{}</text>"#,
                Escaped(at)
            );
        }
        let text = "Lift over time, with intervals that are valid at any time; the table has the numbers";
        Markup::of(format!(r#"<svg class="chart" role="img" aria-label="{text}">{svg}</svg>"#))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a place in a short list")]
fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lift(estimate: f64, [low, high]: [f64; 2]) -> Interval {
        let ends = [Some(low), Some(high)];
        Interval {
            estimate: Some(estimate),
            interval: ends.map(|end| end.map(|end| end / 2.0)),
            interval_at_any_time: ends,
        }
    }

    #[test]
    fn lifts_are_signed_and_rounded() {
        let shown = [0.031_49, -0.2, 0.0, -0.000_01, f64::NAN].map(|lift| percent(Some(lift)));
        assert_eq!(shown, ["+3.1 %", "-20 %", "0 %", "0 %", "unknown"]);
        assert_eq!(ends([Some(-0.1), None], percent), "-10 % to unknown");
    }

    #[test]
    fn intervals_are_lines_around_zero() {
        assert!(intervals(&[]).is_empty());
        let svg = intervals(&[("s1".to_owned(), "<b>".to_owned(), lift(0.05, [-0.1, 0.1]))]).to_string();
        assert!(svg.contains(r#"<g class="lift s1"><line class="always" x1="5.00%" x2="95.00%""#), "{svg}");
        assert!(svg.contains(r#"<circle cx="72.50%""#) && svg.contains("&lt;b&gt;"), "{svg}");
        let open = Interval { interval_at_any_time: [None, Some(0.1)], ..lift(0.05, [-0.1, 0.1]) };
        assert!(intervals(&[("s1".to_owned(), "b".to_owned(), open)]).to_string().contains(r#"x1="5.00%""#));
    }

    #[test]
    fn moments_have_a_line_for_each_variant() {
        let variants = vec![("s1".to_owned(), "b".to_owned()), ("s2".to_owned(), "c".to_owned())];
        let rows = vec![("1 Nov".to_owned(), vec![Some(lift(0.1, [-0.2, 0.2])), None])];
        let svg = Moments { variants, rows }.chart().to_string();
        assert_eq!(svg.matches("<circle").count(), 1, "{svg}");
        assert!(svg.contains("1 Nov") && svg.contains("+20 %"), "{svg}");
        assert!(Moments { variants: Vec::new(), rows: Vec::new() }.chart().is_empty());
    }
}
