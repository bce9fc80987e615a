//! Changes of tables and lists that are written in lines, as YAML has them.

use std::collections::HashMap;

use super::{
    align::{self, After, Fields, Item},
    editor::{Editor, Place, Unsupported},
    node::{Entry, Node},
    splice::{comment_column, is_blank},
};
use crate::tree::Tree;

/// The lines of an entry or item.
#[derive(Clone, Copy, Debug)]
struct Lines {
    /// Where its key or dash is.
    start: usize,
    /// The last byte of its value, or after it.
    end: usize,
    /// The column of its key or dash.
    indent: usize,
}

impl Editor<'_> {
    pub(super) fn block_table(
        &mut self,
        entries: &[Entry],
        before: &[(String, Tree)],
        after: &[(String, Tree)],
        is_root: bool,
    ) -> Result<(), Unsupported> {
        let Fields { kept, added, removed } = align::fields(before, after).ok_or(Unsupported)?;
        if kept.is_empty() && !is_root {
            return Err(Unsupported);
        }
        let places: HashMap<&str, usize> =
            entries.iter().enumerate().map(|(index, entry)| (entry.key.as_str(), index)).collect();
        let lines: Vec<Lines> = entries.iter().map(|entry| self.lines_of_entry(entry)).collect();
        for (name, before, after) in kept {
            let entry = entries.get(*places.get(name).ok_or(Unsupported)?).ok_or(Unsupported)?;
            let indent = self.text.column(entry.start);
            let place = Place::Block { after: entry.colon, indent, is_item: false };
            self.edit(&entry.value, before, after, place)?;
        }
        let mut going = vec![false; lines.len()];
        for name in removed {
            *going.get_mut(*places.get(name).ok_or(Unsupported)?).ok_or(Unsupported)? = true;
        }
        self.remove_lines(&lines, &going)?;
        for (place, name, value) in added {
            // A field that is null is written, and yet not there.
            if let Some(entry) = places.get(name).and_then(|index| entries.get(*index)) {
                let indent = self.text.column(entry.start);
                self.replace(
                    &entry.value,
                    value,
                    Place::Block { after: entry.colon, indent, is_item: false },
                )?;
                continue;
            }
            let field = Tree::Fields(vec![(name.to_owned(), value.clone())]);
            match place {
                After::Nothing => self.insert_before(*lines.first().ok_or(Unsupported)?, &field)?,
                After::Field(name) => {
                    self.insert_lines(&lines, *places.get(name).ok_or(Unsupported)?, &field)?;
                }
                After::All => {
                    self.insert_lines(&lines, entries.len().checked_sub(1).ok_or(Unsupported)?, &field)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn block_list(
        &mut self,
        list: &Node,
        items: &[Node],
        before: &[Tree],
        after: &[Tree],
    ) -> Result<(), Unsupported> {
        if items.len() != before.len() {
            return Err(Unsupported);
        }
        let lines: Option<Vec<Lines>> = items.iter().map(|item| self.lines_of_item(list, item)).collect();
        let lines = lines.ok_or(Unsupported)?;
        let mut going = vec![true; lines.len()];
        let mut previous = None;
        let aligned = align::items(before, after);
        let first = aligned.iter().find_map(|item| item.old).ok_or(Unsupported)?;
        for Item { old, value } in aligned {
            let Some(index) = old else {
                let value = Tree::List(vec![value.clone()]);
                match previous {
                    Some(index) => self.insert_lines(&lines, index, &value)?,
                    None => self.insert_before(*lines.get(first).ok_or(Unsupported)?, &value)?,
                }
                continue;
            };
            previous = Some(index);
            *going.get_mut(index).ok_or(Unsupported)? = false;
            let (item, old) = (items.get(index).ok_or(Unsupported)?, before.get(index).ok_or(Unsupported)?);
            let line = lines.get(index).ok_or(Unsupported)?;
            let place = Place::Block { after: line.start + 1, indent: line.indent, is_item: true };
            self.edit(item, old, value, place)?;
        }
        self.remove_lines(&lines, &going)
    }

    fn lines_of_entry(&self, entry: &Entry) -> Lines {
        Lines { start: entry.start, end: entry.end(), indent: self.text.column(entry.start) }
    }

    /// `None` if the dash of an item is not found.
    fn lines_of_item(&self, list: &Node, item: &Node) -> Option<Lines> {
        let text = self.text.text;
        let before = text.get(..item.range.start)?.trim_end_matches([' ', '\t']);
        let is_dash = |place: usize| {
            let inside = text.as_bytes();
            let is_start = place == 0 || inside.get(place - 1).is_some_and(u8::is_ascii_whitespace);
            inside.get(place) == Some(&b'-') && is_start
        };
        let near = before.len().checked_sub(1).filter(|place| is_dash(*place));
        let start = near.or_else(|| {
            // A comment, an anchor or a tag is between the dash and the value.
            let mut start = self.text.line_start(item.range.start);
            loop {
                let line = self.text.line(start);
                let rest = line.trim_start_matches([' ', '\t']);
                let place = start + (line.len() - rest.len());
                if is_dash(place) && place < item.range.start {
                    return Some(place);
                }
                if start <= list.range.start {
                    return None;
                }
                (start, _) = self.text.previous_line(start)?;
            }
        })?;
        Some(Lines { start, end: item.range.end.max(start + 1), indent: self.text.column(start) })
    }

    /// Where the lines of an entry end: after comments that are further in than it is.
    fn end_of(&self, lines: Lines) -> usize {
        let mut end = self.text.next_line(lines.end);
        while comment_column(self.text.line(end)).is_some_and(|column| column > lines.indent) {
            end = self.text.next_line(end);
        }
        end
    }

    /// Where the lines of an entry begin: with the comments right above it.
    fn start_of(&self, lines: Lines) -> usize {
        let mut start = self.text.line_start(lines.start);
        while let Some((previous, line)) = self.text.previous_line(start)
            && comment_column(line) == Some(lines.indent)
        {
            start = previous;
        }
        start
    }

    fn is_blank_before(&self, start: usize) -> bool {
        self.text.previous_line(start).is_some_and(|(_, line)| is_blank(line))
    }

    /// Removes entries with their comments, and the blank lines in front of them.
    fn remove_lines(&mut self, lines: &[Lines], going: &[bool]) -> Result<(), Unsupported> {
        for (index, line) in lines.iter().enumerate().filter(|(index, _)| going.get(*index) == Some(&true)) {
            // The first field of an item has the dash in front of it.
            if !is_blank(self.text.before_in_line(line.start)) {
                return Err(Unsupported);
            }
            let (mut start, mut end) = (self.start_of(*line), self.end_of(*line));
            let is_last = end >= self.text.text.len();
            if self.is_blank_before(start) && (is_last || index > 0) {
                while self.is_blank_before(start)
                    && let Some((previous, _)) = self.text.previous_line(start)
                {
                    start = previous;
                }
                // The blank lines before an entry are those between it and the one before it.
                let is_apart = !is_last && !is_blank(self.text.line(end));
                if is_apart && index + 1 == lines.len() {
                    start = self.text.next_line(start);
                }
            } else if index == 0 && going.get(1) == Some(&false) {
                while end < self.text.text.len() && is_blank(self.text.line(end)) {
                    end = self.text.next_line(end);
                }
            }
            self.text.replace(start..end, "");
        }
        Ok(())
    }

    /// Adds lines after those of an entry or item, at the same indentation.
    fn insert_lines(&mut self, lines: &[Lines], after: usize, value: &Tree) -> Result<(), Unsupported> {
        let line = *lines.get(after).ok_or(Unsupported)?;
        let place = self.end_of(line);
        let newline = self.style.newline;
        let indent = " ".repeat(line.indent);
        let mut text = String::new();
        if place == self.text.text.len() && !self.text.text.ends_with('\n') {
            text.push_str(newline);
        }
        let has_blanks = after > 0 && self.is_blank_before(self.start_of(line));
        if has_blanks {
            text.push_str(newline);
        }
        text.push_str(&indent);
        text.push_str(&self.style.indented(&self.style.block(value).ok_or(Unsupported)?, &indent));
        text.push_str(newline);
        self.text.replace(place..place, text);
        Ok(())
    }

    /// Adds lines in front of those of an item.
    fn insert_before(&mut self, line: Lines, value: &Tree) -> Result<(), Unsupported> {
        if !is_blank(self.text.before_in_line(line.start)) {
            return Err(Unsupported);
        }
        let (place, indent) = (self.start_of(line), " ".repeat(line.indent));
        let text = self.style.indented(&self.style.block(value).ok_or(Unsupported)?, &indent);
        self.text.replace(place..place, format!("{indent}{text}{}", self.style.newline));
        Ok(())
    }
}
