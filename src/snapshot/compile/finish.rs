//! Turns draft nodes and their analysis into the nodes that evaluation runs.

use std::sync::{Arc, atomic::AtomicBool};

use crate::{
    activation::{
        Activation, Verdict,
        evaluation::{Entry, Evaluation, Node, NodeProperties},
    },
    snapshot::compile::{analysis::Analysis, graph::Graph, nodes::DraftNodes},
};

impl DraftNodes {
    /// The finished nodes, and the graph of which node evaluates which.
    pub(in crate::snapshot) fn finish(self, analysis: &Analysis) -> (Vec<Node>, Graph) {
        let results = analysis.slots.iter().zip(&analysis.by_flag).zip(&analysis.assigns_variant);
        let results = results.zip(&analysis.tracked);
        let nodes =
            self.list.into_iter().zip(results).map(|(draft, (((slot, by_flag), assigns), tracked))| {
                let entry = match (draft.may_panic, tracked) {
                    (true, _) => Entry::MayPanic(AtomicBool::default()),
                    (false, true) => Entry::Tracked,
                    (false, false) => Entry::Direct,
                };
                Node {
                    activation: draft.activation.unwrap_or_else(|| Arc::new(Broken)),
                    slot: if *tracked { *slot | Node::TRACKED_SLOT } else { *slot },
                    by_flag: *by_flag,
                    properties: NodeProperties::new(*assigns, *tracked),
                    cause_rule: draft.cause_rule,
                    entry,
                }
            });
        (nodes.collect(), self.graph)
    }
}

/// The activation of a row that could not be built. It is never evaluated: only broken flags depend on it.
struct Broken;

impl Activation for Broken {
    fn evaluate(&self, _: &Evaluation<'_>) -> Verdict {
        Verdict::Off
    }
}
