//! The places of the values of a YAML text.

use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle};

use super::node::{Entry, Kind, Node, Quotes};

/// A collection whose end is not reached.
struct Open {
    node: Node,
    /// The key whose value comes next, with its place.
    key: Option<(String, Range<usize>)>,
}

/// Parses a text of one document. `None` if it has no value, or keys that are no scalars.
pub(super) fn parse_yaml(text: &str) -> Option<Node> {
    let options = granit_parser::options! { emit_comments: false };
    let mut open: Vec<Open> = Vec::new();
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.ok()?;
        let done = match event {
            Event::Scalar(value, style, anchor, tag) => {
                let has_properties = anchor != 0 || tag.is_some();
                let range = span.byte_range()?;
                if let Some(parent) = open.last_mut()
                    && matches!(parent.node.kind, Kind::Table { .. })
                    && parent.key.is_none()
                {
                    if has_properties {
                        return None;
                    }
                    parent.key = Some((value.into_owned(), range));
                    continue;
                }
                let quotes = match style {
                    ScalarStyle::SingleQuoted => Quotes::Single,
                    ScalarStyle::DoubleQuoted => Quotes::Double,
                    ScalarStyle::Literal | ScalarStyle::Folded => Quotes::Block,
                    ScalarStyle::Plain => Quotes::None,
                };
                let range = range.start..trimmed(text, &range);
                Node { kind: Kind::Scalar(quotes), range, has_properties }
            }
            Event::Alias(_) => Node { kind: Kind::Alias, range: span.byte_range()?, has_properties: false },
            Event::MappingStart(style, anchor, tag) => {
                let kind = Kind::Table { is_flow: style == StructureStyle::Flow, entries: Vec::new() };
                open.push(start(kind, &span, anchor != 0 || tag.is_some())?);
                continue;
            }
            Event::SequenceStart(style, anchor, tag) => {
                let kind = Kind::List { is_flow: style == StructureStyle::Flow, items: Vec::new() };
                open.push(start(kind, &span, anchor != 0 || tag.is_some())?);
                continue;
            }
            Event::MappingEnd | Event::SequenceEnd => {
                let mut node = open.pop()?.node;
                if node.is_flow() {
                    node.range.end = span.byte_range()?.end;
                }
                node
            }
            _ => continue,
        };
        match open.last_mut() {
            Some(parent) => parent.add(text, done)?,
            None => return Some(done),
        }
    }
    None
}

fn start(kind: Kind, span: &Span, has_properties: bool) -> Option<Open> {
    let range = span.byte_range()?;
    Some(Open { node: Node { kind, range: range.start..range.start, has_properties }, key: None })
}

/// The end without the white space before it: that of a text over several lines is up to the next value.
fn trimmed(text: &str, range: &Range<usize>) -> usize {
    range.start
        + text.get(range.clone()).map_or(0, |inside| inside.trim_end_matches([' ', '\t', '\r', '\n']).len())
}

impl Open {
    /// Adds a value. `None` if its key has no colon.
    fn add(&mut self, text: &str, value: Node) -> Option<()> {
        let mut end = value.range.end;
        match &mut self.node.kind {
            Kind::Table { entries, .. } => {
                let (key, range) = self.key.take()?;
                let after = text.get(range.end..)?;
                let colon = range.end + (after.len() - after.trim_start_matches([' ', '\t']).len());
                if text.as_bytes().get(colon) != Some(&b':') {
                    return None;
                }
                let entry = Entry { key, start: range.start, colon: colon + 1, value };
                end = entry.end();
                entries.push(entry);
            }
            Kind::List { items, .. } => items.push(value),
            Kind::Scalar(_) | Kind::Alias => return None,
        }
        self.node.range.end = self.node.range.end.max(end);
        Some(())
    }
}
