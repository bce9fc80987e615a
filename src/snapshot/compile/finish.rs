//! Turns draft nodes and their analysis into the nodes that evaluation runs.

use std::sync::{Arc, atomic::AtomicBool};

use crate::{
    activation::{
        Activation, Verdict,
        evaluation::{Evaluation, Node, PanicPolicy},
    },
    snapshot::compile::{analysis::Analysis, graph::Graph, nodes::DraftNodes},
};

impl DraftNodes {
    /// The finished nodes, and the graph of which node evaluates which.
    pub(in crate::snapshot) fn finish(self, analysis: &Analysis) -> (Vec<Node>, Graph) {
        let results = analysis.slots.iter().zip(&analysis.by_flag).zip(&analysis.assigns_variant);
        let nodes = self.list.into_iter().zip(results).map(|(draft, ((slot, by_flag), assigns))| Node {
            activation: draft.activation.unwrap_or_else(|| Arc::new(Broken)),
            slot: *slot,
            by_flag: *by_flag,
            assigns: *assigns,
            panic_policy: if draft.may_panic {
                PanicPolicy::MayPanic(AtomicBool::default())
            } else {
                PanicPolicy::Trusted
            },
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
