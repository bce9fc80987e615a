//! Replaced ranges of a text, and its lines.

use std::ops::Range;

/// A text, and what replaces ranges of it.
#[derive(Debug)]
pub(super) struct Splices<'a> {
    pub(super) text: &'a str,
    /// Where each line begins. A line can be as long as the text, and hold all that changes.
    lines: Vec<usize>,
    changes: Vec<(Range<usize>, String)>,
}

impl<'a> Splices<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(end, _)| end + 1);
        Self { text, lines: std::iter::once(0).chain(ends).collect(), changes: Vec::new() }
    }

    pub(super) fn replace(&mut self, range: Range<usize>, with: impl Into<String>) {
        self.changes.push((range, with.into()));
    }

    /// The state to return to with [`Self::undo`].
    pub(super) fn mark(&self) -> usize {
        self.changes.len()
    }

    pub(super) fn undo(&mut self, mark: usize) {
        self.changes.truncate(mark);
    }

    /// The text after all of them. `None` if two of them overlap.
    pub(super) fn apply(mut self) -> Option<String> {
        // What is inserted in front of a range comes before what replaces the range.
        self.changes.sort_by_key(|(range, _)| (range.start, range.end));
        let (mut text, mut place) = (String::with_capacity(self.text.len()), 0);
        for (range, with) in self.changes {
            text.push_str(self.text.get(place..range.start)?);
            text.push_str(&with);
            place = range.end;
        }
        text.push_str(self.text.get(place..)?);
        Some(text)
    }

    /// Where the line of a place begins.
    pub(super) fn line_start(&self, place: usize) -> usize {
        let next = self.lines.partition_point(|start| *start <= place);
        next.checked_sub(1).and_then(|line| self.lines.get(line)).copied().unwrap_or_default()
    }

    /// The number of the line of a place, from 1.
    pub(super) fn line_of(&self, place: usize) -> usize {
        self.lines.partition_point(|start| *start <= place)
    }

    /// Where the line after that of a place begins.
    pub(super) fn next_line(&self, place: usize) -> usize {
        let next = self.lines.partition_point(|start| *start <= place);
        self.lines.get(next).copied().unwrap_or(self.text.len())
    }

    /// What is between the beginning of the line and a place.
    pub(super) fn before_in_line(&self, place: usize) -> &'a str {
        self.text.get(self.line_start(place)..place).unwrap_or_default()
    }

    /// The number of characters between the beginning of the line and a place.
    pub(super) fn column(&self, place: usize) -> usize {
        self.before_in_line(place).chars().count()
    }

    /// The line before the one that begins at a place, with the place where it begins.
    pub(super) fn previous_line(&self, start: usize) -> Option<(usize, &'a str)> {
        let end = start.checked_sub(1)?;
        let begin = self.line_start(end);
        Some((begin, self.text.get(begin..end)?))
    }

    /// The line that begins at a place.
    pub(super) fn line(&self, start: usize) -> &'a str {
        self.text.get(start..self.next_line(start)).unwrap_or_default()
    }
}

/// The indentation of a comment alone on its line.
pub(super) fn comment_column(line: &str) -> Option<usize> {
    let rest = line.trim_start_matches([' ', '\t']);
    rest.starts_with('#').then(|| line.len() - rest.len())
}

pub(super) fn is_blank(line: &str) -> bool {
    line.trim_matches([' ', '\t', '\r', '\n']).is_empty()
}
