//! Which draw of a flag its exposures record.

use crate::{
    activation::Draws,
    snapshot::compile::nodes::{DraftNode, DraftNodes},
};

/// For each node, the draw at or below it that exposures record: the first one that assigns variants, or else the
/// first one. Flags that a flag depends on have exposures of their own.
pub(in crate::snapshot) struct DrawingNodes {
    /// Empty if all draws are plain.
    found: Vec<u32>,
    drawing: Vec<Drawing>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Drawing {
    #[default]
    No,
    /// It decides who is in.
    Condition,
    /// It assigns variants.
    Variant,
}

impl DrawingNodes {
    pub(in crate::snapshot) fn new(drafts: &DraftNodes) -> Self {
        let mut this = Self { found: Vec::new(), drawing: Vec::new() };
        if drafts.list.iter().all(is_plain) {
            return this;
        }
        this.drawing = drafts.list.iter().map(drawing).collect();
        this.found = (0..).take(drafts.list.len()).collect();
        for node in &drafts.order.nodes {
            let Some(draft) = drafts.list.get(*node as usize) else { continue };
            if draft.is_flag() || this.drawing_of(*node) == Drawing::Variant {
                continue;
            }
            if let Some((child, drawing)) = this.first_of(drafts.graph.targets(*node))
                && drawing > this.drawing_of(*node)
                && let Some(found) = this.found.get_mut(*node as usize)
            {
                *found = child;
            }
        }
        this
    }

    /// The draw of a flag with these activations; `None` if it is plain or there is none.
    pub(in crate::snapshot) fn of_all(&self, nodes: &[u32], drafts: &DraftNodes) -> Option<u32> {
        let (node, _) = self.first_of(nodes)?;
        drafts.list.get(node as usize).filter(|draft| !is_plain(draft)).map(|_| node)
    }

    fn first_of(&self, nodes: &[u32]) -> Option<(u32, Drawing)> {
        let mut first = None;
        for node in nodes {
            let Some(found) = self.found.get(*node as usize).copied() else { continue };
            let drawing = self.drawing_of(found);
            if drawing > first.map_or(Drawing::No, |(_, drawing)| drawing) {
                first = Some((found, drawing));
            }
        }
        first
    }

    fn drawing_of(&self, node: u32) -> Drawing {
        self.drawing.get(node as usize).copied().unwrap_or_default()
    }
}

fn is_plain(draft: &DraftNode) -> bool {
    draft.activation.as_ref().and_then(|activation| activation.draws()).is_none_or(Draws::is_plain)
}

fn drawing(draft: &DraftNode) -> Drawing {
    match draft.activation.as_ref().and_then(|activation| activation.draws()) {
        None => Drawing::No,
        Some(_) if draft.assigns_variants() => Drawing::Variant,
        Some(_) => Drawing::Condition,
    }
}
