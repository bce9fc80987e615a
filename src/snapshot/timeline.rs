//! What the time will do to flags: windows, ramps, schedules and expiries on one axis.

use std::{collections::HashMap, rc::Rc};

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    activation::{Span, Spans},
    snapshot::{Logic, Snapshot},
};

/// How the time affects a flag in a period.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct FlagTimeline {
    /// The flag's name.
    pub flag: String,
    /// The flag's `expires_at`, if it is in the period. The flag is evaluated as before.
    #[schemars(with = "Option<String>")]
    pub expires_at: Option<DateTime<Utc>>,
    /// The activations that depend on the time, including nested ones and those of prerequisite flags, in the order
    /// of their ids.
    pub activations: Vec<ActivationTimeline>,
}

/// How the time affects an activation in a period.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ActivationTimeline {
    /// The id of its row, or of the row whose config contains it.
    pub id: Option<i64>,
    /// The name of that row.
    pub name: Option<String>,
    /// Its class name.
    pub class_name: String,
    /// The spans in which callers meet the condition, in order.
    pub spans: Vec<Span>,
    /// Whether there are more spans.
    pub truncated: bool,
}

impl FlagTimeline {
    /// The first time after the start of the period at which something changes.
    #[must_use]
    pub fn next(&self, from: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let spans = self.activations.iter().flat_map(|activation| &activation.spans);
        let changes = spans.flat_map(|span| [span.from, span.to]).chain(self.expires_at);
        changes.filter(|change| *change > from).min()
    }
}

impl Snapshot {
    /// Returns the flags that the time affects after `from` and before `to`, by the time of their first change: by
    /// windows that open or close, ramps, and expiries.
    ///
    /// Only built-in types report their spans, and expressions (`novi.expression`) that use the time report none.
    /// Each activation has at most 200 spans.
    #[must_use]
    pub fn timeline(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<FlagTimeline> {
        let mut known = HashMap::new();
        let mut found: Vec<FlagTimeline> =
            self.indices().filter_map(|flag| self.timeline_of(flag, (from, to), &mut known)).collect();
        found.sort_by_cached_key(|flag| (flag.next(from), flag.flag.clone()));
        found
    }

    fn timeline_of(
        &self,
        flag: u32,
        (from, to): (DateTime<Utc>, DateTime<Utc>),
        known: &mut Known,
    ) -> Option<FlagTimeline> {
        let (home, flag) = self.locate(flag)?;
        let expiry = flag.extras.as_ref().and_then(|extras| extras.expiry.as_ref()).map(|expiry| expiry.at);
        let expires_at = expiry.filter(|at| from < *at && *at < to);
        let mut activations = Vec::new();
        if let Logic::Activations(_) = &flag.logic {
            let part = std::ptr::from_ref(&*home.around.nodes).addr();
            for node in home.graph.reachable(home.links.slice(flag.linked)) {
                let spans = known.entry((part, node)).or_insert_with(|| home.spans_of(node, from, to));
                let Some((spans, truncated)) = spans.as_deref() else { continue };
                activations.push(ActivationTimeline {
                    id: home.node_info.id_of(node),
                    name: home.node_info.row_of(node).map(|row| home.around.texts.get(row.name).to_owned()),
                    class_name: home.node_info.class_of(node).to_owned(),
                    spans: spans.clone(),
                    truncated: *truncated,
                });
            }
            activations.sort_by_key(|activation| activation.id);
        }
        let is_affected = expires_at.is_some() || !activations.is_empty();
        is_affected.then(|| FlagTimeline { flag: home.name(flag).to_owned(), expires_at, activations })
    }

    /// The spans of a node, unless nothing changes in the period.
    fn spans_of(&self, node: u32, from: DateTime<Utc>, to: DateTime<Utc>) -> Option<Rc<(Vec<Span>, bool)>> {
        let mut spans = Spans::new(from, to);
        self.around.nodes.get(node as usize)?.activation.spans(&mut spans);
        let (spans, truncated) = spans.finish();
        let changes = |span: &Span| {
            span.from > from
                || span.to < to
                || (span.from_percentage - span.to_percentage).abs() > f64::EPSILON
        };
        spans.iter().any(changes).then(|| Rc::new((spans, truncated)))
    }
}

/// The spans of nodes that several flags share, by the address of their list and their index.
type Known = HashMap<(usize, u32), Option<Rc<(Vec<Span>, bool)>>>;
