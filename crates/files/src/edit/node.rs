//! A text's values with their places.

use std::ops::Range;

/// A value with its place in the text.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// From the first byte to the byte after the last. Empty for a value that is not written.
    pub(super) range: Range<usize>,
    /// Whether a tag or an anchor stands before the value.
    pub(super) has_properties: bool,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// A scalar, with its quotes.
    Scalar(Quotes),
    /// A reference to an anchor.
    Alias,
    /// A table in lines, or in braces.
    Table { is_flow: bool, entries: Vec<Entry> },
    /// A list in lines, or in brackets.
    List { is_flow: bool, items: Vec<Node> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quotes {
    None,
    Single,
    Double,
    /// A text over several lines, which begins with `|` or `>`.
    Block,
}

/// A field of a table.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    /// Where the key begins.
    pub(super) start: usize,
    /// After the colon.
    pub(super) colon: usize,
    pub(super) value: Node,
}

impl Entry {
    /// Where the entry ends.
    pub(super) fn end(&self) -> usize {
        self.value.range.end.max(self.colon)
    }
}

impl Node {
    pub(super) fn is_flow(&self) -> bool {
        matches!(self.kind, Kind::Table { is_flow: true, .. } | Kind::List { is_flow: true, .. })
    }

    /// Whether the value is in lines of its own, below its key.
    pub(super) fn is_block(&self) -> bool {
        match self.kind {
            Kind::Table { is_flow, .. } | Kind::List { is_flow, .. } => !is_flow,
            Kind::Scalar(quotes) => quotes == Quotes::Block,
            Kind::Alias => false,
        }
    }
}
