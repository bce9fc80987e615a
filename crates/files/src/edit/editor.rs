//! Walks over the values of a text that differ, and replaces as little of the text as it can.

use super::{
    node::{Kind, Node, Quotes},
    splice::Splices,
    style::Style,
};
use crate::tree::Tree;

/// What stands in the way of a change: the value around it is written as a whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unsupported;

pub(super) struct Editor<'a> {
    pub(super) text: Splices<'a>,
    pub(super) style: Style,
    /// Where the first value is that cannot be replaced.
    pub(super) refused: Option<usize>,
}

/// Where a value stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// The whole document.
    Root,
    /// After a colon or a dash. `indent` is the column of the key, or of the dash.
    Block { after: usize, indent: usize, is_item: bool },
    /// In brackets.
    Flow,
}

impl<'a> Editor<'a> {
    pub(super) fn new(text: &'a str, root: &Node, is_json: bool) -> Self {
        let text = Splices::new(text);
        let style = Style::of(&text, root, is_json);
        Self { text, style, refused: None }
    }

    /// Changes the text of a value from what it is to what it should be.
    pub(super) fn edit(
        &mut self,
        node: &Node,
        before: &Tree,
        after: &Tree,
        place: Place,
    ) -> Result<(), Unsupported> {
        if before == after {
            return Ok(());
        }
        let mark = self.text.mark();
        let inside = match (&node.kind, before, after) {
            (Kind::Table { is_flow, entries }, Tree::Fields(before), Tree::Fields(after)) => {
                if *is_flow {
                    self.flow_table(entries, before, after)
                } else {
                    self.block_table(entries, before, after, matches!(place, Place::Root))
                }
            }
            (Kind::List { is_flow, items }, Tree::List(before), Tree::List(after)) => {
                if *is_flow {
                    self.flow_list(items, before, after)
                } else {
                    self.block_list(node, items, before, after)
                }
            }
            _ => Err(Unsupported),
        };
        inside.or_else(|Unsupported| {
            self.text.undo(mark);
            self.replace(node, after, place)
        })
    }

    /// Replaces a whole value.
    pub(super) fn replace(&mut self, node: &Node, value: &Tree, place: Place) -> Result<(), Unsupported> {
        if node.has_properties {
            self.refused.get_or_insert(node.range.start);
            return Err(Unsupported);
        }
        match place {
            Place::Root => Err(Unsupported),
            Place::Flow => {
                let text = self.flow_text(node.range.start, value, quotes(node)).ok_or(Unsupported)?;
                self.text.replace(node.range.clone(), text);
                Ok(())
            }
            Place::Block { after, indent, is_item } => {
                self.replace_block(node, value, after, indent, is_item)
            }
        }
    }

    fn replace_block(
        &mut self,
        node: &Node,
        value: &Tree,
        after: usize,
        indent: usize,
        is_item: bool,
    ) -> Result<(), Unsupported> {
        let whole = after..node.range.end.max(after);
        if is_collection(value) && !node.is_flow() {
            let text = self.block_text(value, indent, is_item).ok_or(Unsupported)?;
            self.text.replace(whole, text);
            return Ok(());
        }
        let text = if is_collection(value) {
            self.style.flow(value, Quotes::None)
        } else if is_empty(value) {
            Some(value.to_json())
        } else {
            self.style.scalar(value, quotes(node))
        };
        let text = text.ok_or(Unsupported)?;
        // What is on the line of its key leaves the comment after it alone.
        if node.is_block() || node.range.is_empty() {
            self.text.replace(whole, format!(" {text}"));
        } else {
            self.text.replace(node.range.clone(), text);
        }
        Ok(())
    }

    /// A collection as lines of its own, after the colon or the dash in front of it.
    pub(super) fn block_text(&self, value: &Tree, indent: usize, is_item: bool) -> Option<String> {
        let wrapped = if is_item {
            Tree::List(vec![value.clone()])
        } else {
            Tree::Fields(vec![("k".to_owned(), value.clone())])
        };
        let lines = self.style.block(&wrapped)?;
        let rest = lines.strip_prefix(if is_item { "-" } else { "k:" })?;
        Some(self.style.indented(rest, &" ".repeat(indent)))
    }

    /// A value in brackets, over several lines if it is JSON over several lines.
    pub(super) fn flow_text(&self, at: usize, value: &Tree, quotes: Quotes) -> Option<String> {
        let line = self.text.line(self.text.line_start(at));
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        if self.style.is_json && is_collection(value) && self.text.text.trim_end().contains('\n') {
            return self.style.lines_of_json(value, line.get(..indent)?);
        }
        self.style.flow(value, quotes)
    }
}

/// Whether a value takes lines of its own.
fn is_collection(value: &Tree) -> bool {
    matches!(value, Tree::Fields(_) | Tree::List(_)) && !is_empty(value)
}

fn is_empty(value: &Tree) -> bool {
    match value {
        Tree::Fields(fields) => fields.is_empty(),
        Tree::List(items) => items.is_empty(),
        _ => false,
    }
}

fn quotes(node: &Node) -> Quotes {
    match node.kind {
        Kind::Scalar(quotes) => quotes,
        _ => Quotes::None,
    }
}
