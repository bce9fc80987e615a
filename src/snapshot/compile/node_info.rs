//! Names and paths of nodes, for explanations and patches.

use std::{collections::BTreeSet, mem};

use crate::{
    activation::strings::{Text, Writing},
    rows::{ActivationRow, Rows},
    snapshot::{
        Flag,
        compile::{ids::index, nodes::DraftNodes},
    },
};

/// What explanations need of each node, apart from the nodes themselves, which evaluation reads. Nodes of
/// rows come first, then inline ones.
#[derive(Default)]
pub(in crate::snapshot) struct NodeInfo {
    rows: Vec<RowName>,
    inline: Vec<InlineNode>,
    /// The class name of each node, as a number.
    classes: Vec<u32>,
    class_names: Vec<Box<str>>,
    /// The indices of the activations whose verdicts depend on their names, except those of reused nodes.
    by_name: BTreeSet<u32>,
    /// The flags that activations depend on, in the order of their nodes.
    pub(in crate::snapshot) flags: Vec<RowName>,
}

/// The id and the name of a row.
pub(in crate::snapshot) struct RowName {
    pub(in crate::snapshot) id: i64,
    pub(in crate::snapshot) name: Text,
}

struct InlineNode {
    /// The row whose config contains it.
    row: u32,
    /// The path in that config.
    path: Box<str>,
}

impl NodeInfo {
    pub(in crate::snapshot) fn new(
        rows: &Rows,
        drafts: &mut DraftNodes,
        flags: &[Flag],
        texts: &mut Writing,
    ) -> Self {
        let flag = |(_, flag): &(u32, u32)| {
            // Flags that exist only as overrides have no row.
            let id = rows.flags.get(*flag as usize).map_or(0, |row| row.id);
            Some(RowName { id, name: flags.get(*flag as usize)?.named.name })
        };
        let prerequisites = drafts.flags.iter().filter_map(flag).collect();
        let row = |row: &ActivationRow| RowName { id: row.id, name: texts.add(&row.name) };
        let inline = drafts.list.iter().skip(rows.activations.len()).zip(mem::take(&mut drafts.inline_paths));
        Self {
            rows: rows.activations.iter().map(row).collect(),
            inline: inline.map(|(draft, path)| InlineNode { row: draft.row, path }).collect(),
            classes: drafts.list.iter().map(|draft| draft.class).collect(),
            by_name: mem::take(&mut drafts.by_name),
            class_names: mem::take(&mut drafts.classes),
            flags: prerequisites,
        }
    }

    fn inline(&self, node: u32) -> Option<&InlineNode> {
        self.inline.get((node as usize).checked_sub(self.rows.len())?)
    }

    pub(in crate::snapshot) fn row_of(&self, node: u32) -> Option<&RowName> {
        let row = self.inline(node).map_or(node, |inline| inline.row);
        self.rows.get(row as usize)
    }

    /// The id of the activation's row that a node is, or is part of.
    pub(in crate::snapshot) fn id_of(&self, node: u32) -> Option<i64> {
        self.row_of(node).map(|row| row.id)
    }

    /// Whether the verdict of the activation with this index depends on its name.
    pub(in crate::snapshot) fn is_by_name(&self, activation: u32) -> bool {
        self.by_name.contains(&activation)
    }

    pub(in crate::snapshot) fn path_of(&self, node: u32) -> Option<&str> {
        self.inline(node).map(|inline| &*inline.path).filter(|path| !path.is_empty())
    }

    pub(in crate::snapshot) fn class_of(&self, node: u32) -> &str {
        let class = self.classes.get(node as usize).and_then(|class| self.class_names.get(*class as usize));
        class.map_or("", |class| class)
    }
}

/// Look-ups by the ids of rows, for patches.
#[cfg_attr(not(feature = "sql"), allow(dead_code, reason = "rows in memory are replaced as a whole"))]
impl NodeInfo {
    /// The node of the activation whose row has this id.
    pub(in crate::snapshot) fn node_of(&self, id: i64) -> Option<u32> {
        let place = self.rows.partition_point(|row| row.id < id);
        self.rows.get(place).filter(|row| row.id == id).map(|_| index(place))
    }

    /// The number of the flag with this id, among those that activations depend on.
    pub(in crate::snapshot) fn prerequisite_index(&self, id: i64) -> Option<usize> {
        self.flags.iter().position(|flag| flag.id == id)
    }

    /// The numbers of the flags that activations depend on and that exist only as overrides.
    pub(in crate::snapshot) fn flags_without_row(&self) -> impl Iterator<Item = usize> {
        self.flags.iter().enumerate().filter(|(_, flag)| flag.id == 0).map(|(place, _)| place)
    }

    /// The name of a node's row.
    pub(in crate::snapshot) fn name_of<'a>(&self, node: u32, texts: &'a str) -> Option<&'a str> {
        Some(self.rows.get(node as usize)?.name.of(texts))
    }
}
