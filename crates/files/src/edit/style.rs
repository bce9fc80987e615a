//! How new values are written: as the values around them are.

use super::{
    node::{Kind, Node, Quotes},
    splice::Splices,
};
use crate::tree::Tree;

/// What a file has in common with itself.
#[derive(Clone, Debug)]
pub(super) struct Style {
    pub(super) is_json: bool,
    pub(super) newline: &'static str,
    /// The spaces of one level.
    pub(super) step: usize,
    /// Whether the dashes of a list are as far left as its key.
    compact_lists: bool,
}

impl Style {
    pub(super) fn of(text: &Splices<'_>, root: &Node, is_json: bool) -> Self {
        let newline = if text.text.contains("\r\n") { "\r\n" } else { "\n" };
        let mut style = Self { is_json, newline, step: 2, compact_lists: true };
        let (mut has_step, mut has_list) = (false, false);
        let mut left = vec![root];
        while let (Some(node), false) = (left.pop(), has_step && has_list) {
            match &node.kind {
                Kind::Table { entries, .. } => {
                    for entry in entries {
                        style.learn(text, entry.start, &entry.value, &mut has_step, &mut has_list);
                    }
                    left.extend(entries.iter().rev().map(|entry| &entry.value));
                }
                Kind::List { items, .. } => left.extend(items.iter().rev()),
                Kind::Scalar(_) | Kind::Alias => (),
            }
        }
        style
    }

    /// Takes over the indentation of a value below its key.
    fn learn(
        &mut self,
        text: &Splices<'_>,
        key: usize,
        value: &Node,
        has_step: &mut bool,
        has_list: &mut bool,
    ) {
        let first = match &value.kind {
            Kind::Table { entries, .. } => entries.first().map(|entry| entry.start),
            Kind::List { items, .. } => items.first().map(|item| item.range.start),
            Kind::Scalar(_) | Kind::Alias => None,
        };
        // The values of one long line have no indentation.
        if first.is_none_or(|first| text.line_start(first) == text.line_start(key)) {
            return;
        }
        let key = text.column(key);
        match &value.kind {
            Kind::Table { entries, .. } if !*has_step => {
                let Some(first) = entries.first() else { return };
                if text.before_in_line(first.start).trim().is_empty() && text.column(first.start) > key {
                    (self.step, *has_step) = ((text.column(first.start) - key).min(8), true);
                }
            }
            Kind::List { is_flow: false, items } if !*has_list => {
                let Some(first) = items.first() else { return };
                let before = text.before_in_line(first.range.start);
                (self.compact_lists, *has_list) = (before.len() - before.trim_start().len() <= key, true);
            }
            _ => (),
        }
    }

    /// A value as lines of YAML, without indentation.
    pub(super) fn block(&self, value: &Tree) -> Option<String> {
        let options = serde_saphyr::ser_options! {
            indent_step: self.step,
            compact_list_indent: self.compact_lists,
            prefer_block_scalars: false,
        };
        serde_saphyr::to_string_with_options(value, options).ok()
    }

    /// A scalar in a line of its own, or after a key; in the quotes of the one that it replaces.
    pub(super) fn scalar(&self, value: &Tree, quotes: Quotes) -> Option<String> {
        let Tree::String(string) = value else { return Some(value.to_json()) };
        match quotes {
            Quotes::Double => return Some(value.to_json()),
            Quotes::Single if !string.contains(|c: char| c.is_control()) => {
                return Some(format!("'{}'", string.replace('\'', "''")));
            }
            _ if self.is_json => return Some(value.to_json()),
            _ => (),
        }
        let text = self.block(value)?;
        let text = text.trim_end_matches('\n');
        Some(if text.contains('\n') { value.to_json() } else { text.to_owned() })
    }

    /// A value in brackets, on one line.
    pub(super) fn flow(&self, value: &Tree, quotes: Quotes) -> Option<String> {
        if self.is_json {
            return Some(spaced(value));
        }
        match value {
            Tree::List(items) => {
                let items: Option<Vec<_>> = items.iter().map(|item| self.flow(item, Quotes::None)).collect();
                Some(format!("[{}]", items?.join(", ")))
            }
            Tree::Fields(fields) => {
                let field = |(name, value): &(String, Tree)| {
                    let name = self.flow(&Tree::String(name.clone()), Quotes::None)?;
                    Some(format!("{name}: {}", self.flow(value, Quotes::None)?))
                };
                let fields: Option<Vec<_>> = fields.iter().map(field).collect();
                Some(format!("{{{}}}", fields?.join(", ")))
            }
            Tree::String(string) if quotes == Quotes::None => {
                let text = self.scalar(value, quotes)?;
                // In brackets, a comma and others end a scalar that is not quoted.
                let is_safe =
                    |c: char| c.is_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.' | '/' | '@' | '$');
                Some(if text == *string && text.chars().all(is_safe) { text } else { value.to_json() })
            }
            scalar => self.scalar(scalar, quotes),
        }
    }

    /// A value as JSON over several lines, the first without indentation.
    pub(super) fn lines_of_json(&self, value: &Tree, indent: &str) -> Option<String> {
        let mut text = Vec::new();
        let step = " ".repeat(self.step);
        let formatter = serde_json::ser::PrettyFormatter::with_indent(step.as_bytes());
        let mut serializer = serde_json::Serializer::with_formatter(&mut text, formatter);
        serde::Serialize::serialize(value, &mut serializer).ok()?;
        Some(self.indented(&String::from_utf8(text).ok()?, indent))
    }

    /// Lines with an indentation in front of all but the first.
    pub(super) fn indented(&self, lines: &str, indent: &str) -> String {
        let mut lines = lines.trim_end_matches('\n').split('\n');
        let mut text = lines.next().unwrap_or_default().to_owned();
        for line in lines {
            text.push_str(self.newline);
            if !line.is_empty() {
                text.push_str(indent);
                text.push_str(line);
            }
        }
        text
    }
}

/// JSON on one line, with spaces after commas and colons.
fn spaced(value: &Tree) -> String {
    match value {
        Tree::List(items) => format!("[{}]", items.iter().map(spaced).collect::<Vec<_>>().join(", ")),
        Tree::Fields(fields) => {
            let field = |(name, value): &(String, Tree)| {
                format!("{}: {}", Tree::String(name.clone()).to_json(), spaced(value))
            };
            format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        scalar => scalar.to_json(),
    }
}
