//! What the time will do to flags, on one axis.

use std::fmt::Write as _;

use askama::Template;
use axum::extract::Query;
use chrono::{DateTime, TimeDelta, Utc};
use novi_experiments::charts::part;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    api::with_query,
    pages::flags::text_of,
    visit::{Layout, Page, Section, Visit},
    words::{Escaped, Markup, time},
};

/// The periods: days and a name.
const PERIODS: [(&str, &str); 3] = [("7", "7 days"), ("30", "30 days"), ("90", "90 days")];

/// The flags on one page.
const PER_PAGE: &str = "50";

/// The most spans of an activation in words.
const MOST: usize = 3;

/// The period and the page, as they stand in the address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Period {
    days: String,
    cursor: String,
}

#[derive(Template)]
#[template(path = "timeline.html")]
struct TimelinePage {
    layout: Layout,
    periods: Vec<(&'static str, &'static str, bool)>,
    period: &'static str,
    /// Whether the period in the address is unknown.
    is_unknown: bool,
    axis: Markup,
    flags: Vec<FlagLine>,
    next: Option<String>,
}

struct FlagLine {
    id: Option<i64>,
    name: String,
    lines: Vec<Line>,
}

/// An activation or the expiry of a flag.
struct Line {
    what: String,
    class_name: String,
    bar: Markup,
    texts: Vec<Markup>,
    /// How many more spans there are; `None` if they are not all known.
    more: Option<usize>,
}

/// The period that the page shows.
#[derive(Clone, Copy)]
struct Frame {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

/// A span of the API.
#[derive(Clone, Debug, Deserialize)]
struct Span {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    from_percentage: f64,
    to_percentage: f64,
}

pub(crate) async fn timeline(visit: Visit, Query(period): Query<Period>) -> Page {
    let (days, name) = PERIODS.into_iter().find(|(days, _)| *days == period.days).unwrap_or(PERIODS[1]);
    let path =
        with_query("/api/timeline", &[("days", days), ("limit", PER_PAGE), ("cursor", &period.cursor)]);
    let found = visit.api().get(&path).await.map_err(|failure| visit.fail(&failure))?;
    let moment = |field: &str| {
        let parsed = DateTime::parse_from_rfc3339(found[field].as_str().unwrap_or_default());
        parsed.map_or_else(|_| Utc::now(), |at| at.to_utc())
    };
    let frame = Frame { from: moment("from"), to: moment("to") };
    let next = found["next"].as_str().map(|cursor| with_query("", &[("days", days), ("cursor", cursor)]));
    Ok(visit.page(&TimelinePage {
        layout: visit.layout("Timeline", Section::Timeline),
        periods: PERIODS.into_iter().map(|(of, name)| (of, name, of == days)).collect(),
        period: name,
        is_unknown: !period.days.is_empty() && period.days != days,
        axis: frame.axis(),
        flags: found["items"].as_array().into_iter().flatten().map(|item| flag(item, frame)).collect(),
        next,
    }))
}

fn flag(item: &Value, frame: Frame) -> FlagLine {
    let activations = item["activations"].as_array().into_iter().flatten();
    let mut lines: Vec<Line> = activations.map(|activation| line(activation, frame)).collect();
    if let Ok(at) = DateTime::parse_from_rfc3339(item["expires_at"].as_str().unwrap_or_default()) {
        lines.push(frame.expiry(at.to_utc()));
    }
    FlagLine { id: item["id"].as_i64(), name: text_of(item, "flag"), lines }
}

fn line(activation: &Value, frame: Frame) -> Line {
    let spans: Vec<Span> = serde_json::from_value(activation["spans"].clone()).unwrap_or_default();
    Line {
        what: text_of(activation, "name"),
        class_name: text_of(activation, "class_name"),
        bar: frame.bar(&spans),
        texts: spans.iter().take(MOST).map(|span| frame.words(span)).collect(),
        more: (activation["truncated"] != true).then(|| spans.len().saturating_sub(MOST)),
    }
}

/// A percentage with at most one decimal.
fn rounded(percentage: f64) -> f64 {
    (percentage * 10.0).round() / 10.0
}

impl Frame {
    /// How far a time is from the start, in percent of the period.
    fn place(self, at: DateTime<Utc>) -> f64 {
        let seconds = (at - self.from).num_seconds();
        part(seconds, (self.to - self.from).num_seconds()).clamp(0.0, 100.0)
    }

    /// The days with a name on the axis, as their places and names.
    fn days(self) -> Vec<(f64, String)> {
        let days = (self.to - self.from).num_days();
        let step = TimeDelta::days((days / 6).max(1));
        let first = (self.from + TimeDelta::days(1)).date_naive().and_time(chrono::NaiveTime::MIN).and_utc();
        let times = std::iter::successors(Some(first), |at| at.checked_add_signed(step));
        let shown = times.take_while(|at| *at < self.to).take(10);
        shown.map(|at| (self.place(at), at.format("%-d %b").to_string())).collect()
    }

    fn axis(self) -> Markup {
        let mut svg = String::from(r#"<text x="0" y="14">now</text>"#);
        for (place, name) in self.days().into_iter().filter(|(place, _)| (6.0..94.0).contains(place)) {
            // Writing to a string does not fail.
            let _ = write!(svg, r#"<text class="day" x="{place:.2}%" y="14">{name}</text>"#);
        }
        Markup::of(format!(r#"<svg class="axis-days" aria-hidden="true">{svg}</svg>"#))
    }

    /// The lines of the days below a bar.
    fn grid(self) -> String {
        self.days().into_iter().fold(String::new(), |mut svg, (place, _)| {
            let _ = write!(svg, r#"<line class="grid" x1="{place:.2}%" x2="{place:.2}%" y1="0" y2="28"/>"#);
            svg
        })
    }

    /// The spans as a bar: as high as the share of the callers.
    fn bar(self, spans: &[Span]) -> Markup {
        const HEIGHT: f64 = 28.0;
        /// A rise is drawn in steps: an SVG without a view box has no slopes in percent.
        const STEPS: u32 = 24;
        let mut svg = self.grid();
        let mut rectangle = |(start, end): (f64, f64), percentage: f64, corners: u32| {
            let height = (percentage / 100.0 * (HEIGHT - 6.0)).max(1.5);
            let (y, width) = (HEIGHT - 3.0 - height, (end - start).max(0.25));
            let _ = write!(
                svg,
                r#"<rect x="{start:.2}%" y="{y:.1}" width="{width:.2}%" height="{height:.1}" rx="{corners}"/>"#
            );
        };
        for span in spans {
            let (start, end) = (self.place(span.from), self.place(span.to));
            let rise = span.to_percentage - span.from_percentage;
            if rise.abs() < f64::EPSILON {
                rectangle((start, end), span.from_percentage, 2);
                continue;
            }
            for step in 0..STEPS {
                let part = |step: u32| f64::from(step) / f64::from(STEPS);
                let at = |step: u32| start + (end - start) * part(step);
                // They overlap a little, so that no line is between them.
                let place = (at(step), at(step + 1) + 0.05);
                rectangle(place, span.from_percentage + rise * (part(step) + part(1) / 2.0), 0);
            }
        }
        Markup::of(format!(r#"<svg class="spans" aria-hidden="true">{svg}</svg>"#))
    }

    fn words(self, span: &Span) -> Markup {
        let share = match (rounded(span.from_percentage), rounded(span.to_percentage)) {
            (first, last) if (first - last).abs() < f64::EPSILON && first >= 100.0 => "On".to_owned(),
            (first, last) if (first - last).abs() < f64::EPSILON => format!("{first} %"),
            (first, last) => {
                let now = if span.from > self.from { time(span.from) } else { Markup::of("now".to_owned()) };
                return Markup::of(format!("{first} % {now}, rising to {last} % {}", time(span.to)));
            }
        };
        let text = match (span.from > self.from, span.to < self.to) {
            (true, true) => format!("{} from {} to {}", Escaped(&share), time(span.from), time(span.to)),
            (true, false) => format!("{} from {}", Escaped(&share), time(span.from)),
            (false, true) => format!("{} now, until {}", Escaped(&share), time(span.to)),
            (false, false) => format!("{} in the whole period", Escaped(&share)),
        };
        Markup::of(text)
    }

    fn expiry(self, at: DateTime<Utc>) -> Line {
        let place = self.place(at);
        let svg = format!(
            r#"<svg class="spans expiry" aria-hidden="true">{}<line x1="{place:.2}%" x2="{place:.2}%" y1="3" y2="25"/><circle cx="{place:.2}%" cy="14" r="5"/></svg>"#,
            self.grid()
        );
        Line {
            what: "Expiry".to_owned(),
            class_name: String::new(),
            bar: Markup::of(svg),
            texts: vec![Markup::of(format!("To be removed from {}", time(at)))],
            more: Some(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> Frame {
        let from = DateTime::UNIX_EPOCH + TimeDelta::hours(6);
        Frame { from, to: from + TimeDelta::days(30) }
    }

    fn span(from: i64, to: i64, percentages: (f64, f64)) -> Span {
        let at = |days| frame().from + TimeDelta::days(days);
        Span { from: at(from), to: at(to), from_percentage: percentages.0, to_percentage: percentages.1 }
    }

    #[test]
    fn bars_are_placed_in_percent_of_the_period() {
        let bar = frame().bar(&[span(3, 6, (100.0, 100.0))]).to_string();
        assert!(bar.contains(r#"x="10.00%" y="3.0" width="10.00%" height="22.0""#), "{bar}");
        let rise = frame().bar(&[span(0, 30, (0.0, 50.0))]).to_string();
        assert_eq!(rise.matches("<rect").count(), 24);
        assert_eq!(frame().days().len(), 6);
    }

    #[test]
    fn spans_are_told_by_their_ends_in_the_period() {
        let words = |span: &Span| frame().words(span).to_string();
        assert!(words(&span(0, 3, (100.0, 100.0))).starts_with("On now, until <time"));
        assert!(words(&span(2, 30, (12.34, 12.34))).starts_with("12.3 % from <time"));
        assert!(words(&span(0, 4, (0.0, 50.0))).starts_with("0 % now, rising to 50 % <time"));
        assert_eq!(words(&span(0, 30, (50.0, 50.0))), "50 % in the whole period");
    }
}
