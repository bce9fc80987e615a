//! How activations depend on the time, for people.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

/// A span of time in which a condition is met by a share of the callers, as far as the time alone decides.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Span {
    /// The start, inclusive. It is the start of the period if the span began earlier.
    #[schemars(with = "String")]
    pub from: DateTime<Utc>,
    /// The end, exclusive. It is the end of the period if the span ends later.
    #[schemars(with = "String")]
    pub to: DateTime<Utc>,
    /// The percentage of callers at the start: 100 inside of a window.
    pub from_percentage: f64,
    /// The percentage at the end. Between them it rises evenly.
    pub to_percentage: f64,
}

/// Collects the spans of an activation in a period, in order.
#[derive(Debug)]
pub struct Spans {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    found: Vec<Span>,
    is_truncated: bool,
}

impl Spans {
    /// The most spans of an activation: a window each hour has 720 a month.
    pub(crate) const MOST: usize = 200;

    pub(crate) fn new(from: DateTime<Utc>, to: DateTime<Utc>) -> Self {
        Self { from, to, found: Vec::new(), is_truncated: false }
    }

    /// The start of the period.
    pub(crate) fn from(&self) -> DateTime<Utc> {
        self.from
    }

    /// The end of the period.
    pub(crate) fn to(&self) -> DateTime<Utc> {
        self.to
    }

    /// Adds a window in which the condition is met. Returns whether more spans are wanted.
    pub(crate) fn window(&mut self, from: DateTime<Utc>, to: DateTime<Utc>) -> bool {
        self.rise(from, to, (100.0, 100.0))
    }

    /// Adds a span in which the percentage of callers rises evenly. Returns whether more spans are wanted.
    pub(crate) fn rise(&mut self, from: DateTime<Utc>, to: DateTime<Utc>, percentages: (f64, f64)) -> bool {
        let (start, end) = (from.max(self.from), to.min(self.to));
        if start >= end || percentages == (0.0, 0.0) {
            return to < self.to;
        }
        let at = |time: DateTime<Utc>| {
            let (first, last) = percentages;
            let milliseconds = |length: chrono::TimeDelta| length.num_milliseconds().max(1);
            #[expect(clippy::cast_precision_loss, reason = "for people")]
            let part = milliseconds(time - from) as f64 / milliseconds(to - from) as f64;
            if time <= from || (first - last).abs() < f64::EPSILON {
                first
            } else {
                first + (last - first) * part.min(1.0)
            }
        };
        let span = Span { from: start, to: end, from_percentage: at(start), to_percentage: at(end) };
        let is_even = |span: &Span| (span.from_percentage - span.to_percentage).abs() < f64::EPSILON;
        let joined = |last: &&mut Span| {
            let same = (last.to_percentage - span.from_percentage).abs() < f64::EPSILON;
            last.to == span.from && same && is_even(last) && is_even(&span)
        };
        if let Some(last) = self.found.last_mut().filter(joined) {
            last.to = span.to;
        } else if self.found.len() < Self::MOST {
            self.found.push(span);
        } else {
            self.is_truncated = true;
            return false;
        }
        to < self.to
    }

    /// The spans, and whether there are more.
    pub(crate) fn finish(self) -> (Vec<Span>, bool) {
        (self.found, self.is_truncated)
    }
}
