//! Changes of tables and lists in brackets, as JSON has them, and YAML where it is short.

use std::{collections::HashMap, ops::Range};

use super::{
    align::{self, After, Fields, Item},
    editor::{Editor, Place, Unsupported},
    node::{Entry, Node, Quotes},
};
use crate::tree::Tree;

impl Editor<'_> {
    pub(super) fn flow_table(
        &mut self,
        entries: &[Entry],
        before: &[(String, Tree)],
        after: &[(String, Tree)],
    ) -> Result<(), Unsupported> {
        let Fields { kept, added, removed } = align::fields(before, after).ok_or(Unsupported)?;
        let places: HashMap<&str, usize> =
            entries.iter().enumerate().map(|(index, entry)| (entry.key.as_str(), index)).collect();
        for (name, before, after) in kept {
            let entry = entries.get(*places.get(name).ok_or(Unsupported)?).ok_or(Unsupported)?;
            self.edit(&entry.value, before, after, Place::Flow)?;
        }
        let mut stays = vec![true; entries.len()];
        for name in removed {
            *stays.get_mut(*places.get(name).ok_or(Unsupported)?).ok_or(Unsupported)? = false;
        }
        let ranges: Vec<Range<usize>> = entries.iter().map(|entry| entry.start..entry.end()).collect();
        let mut new = Vec::new();
        for (place, name, value) in added {
            if let Some(entry) = places.get(name).and_then(|index| entries.get(*index)) {
                self.replace(&entry.value, value, Place::Flow)?;
                continue;
            }
            let first = ranges.first().ok_or(Unsupported)?;
            let text = self.flow_text(first.start, value, Quotes::None).ok_or(Unsupported)?;
            let name = self.style.flow(&Tree::String(name.to_owned()), Quotes::None).ok_or(Unsupported)?;
            let place = match place {
                After::Nothing => None,
                After::Field(name) => Some(*places.get(name).ok_or(Unsupported)?),
                After::All => stays.iter().rposition(|stays| *stays),
            };
            new.push((place, format!("{name}: {text}")));
        }
        self.flow_parts(&ranges, &stays, new)
    }

    pub(super) fn flow_list(
        &mut self,
        items: &[Node],
        before: &[Tree],
        after: &[Tree],
    ) -> Result<(), Unsupported> {
        if items.len() != before.len() {
            return Err(Unsupported);
        }
        let ranges: Vec<Range<usize>> = items.iter().map(|item| item.range.clone()).collect();
        let mut stays = vec![false; items.len()];
        let (mut new, mut previous) = (Vec::new(), None);
        for Item { old, value } in align::items(before, after) {
            let Some(index) = old else {
                let first = ranges.first().ok_or(Unsupported)?;
                let text = self.flow_text(first.start, value, Quotes::None).ok_or(Unsupported)?;
                new.push((previous, text));
                continue;
            };
            previous = Some(index);
            *stays.get_mut(index).ok_or(Unsupported)? = true;
            let (item, old) = (items.get(index).ok_or(Unsupported)?, before.get(index).ok_or(Unsupported)?);
            self.edit(item, old, value, Place::Flow)?;
        }
        self.flow_parts(&ranges, &stays, new)
    }

    /// Removes parts of a collection and adds new ones, each after the one with this index.
    fn flow_parts(
        &mut self,
        parts: &[Range<usize>],
        stays: &[bool],
        new: Vec<(Option<usize>, String)>,
    ) -> Result<(), Unsupported> {
        let last = stays.iter().rposition(|stays| *stays).ok_or(Unsupported)?;
        for (index, pair) in parts.windows(2).enumerate() {
            let [part, next] = pair else { continue };
            if index < last && stays.get(index) == Some(&false) {
                self.text.replace(part.start..next.start, "");
            }
        }
        let (kept, end) = (parts.get(last).ok_or(Unsupported)?, parts.last().ok_or(Unsupported)?);
        if kept.end < end.end {
            // With the comma in front of the first that goes.
            self.text.replace(kept.end..end.end, "");
        }
        let first = stays.iter().position(|stays| *stays).ok_or(Unsupported)?;
        let gap = self.gap(parts, kept);
        for (place, text) in new {
            if let Some(index) = place {
                let end = parts.get(index).ok_or(Unsupported)?.end;
                self.text.replace(end..end, format!(",{gap}{text}"));
            } else {
                let start = parts.get(first).ok_or(Unsupported)?.start;
                self.text.replace(start..start, format!("{text},{gap}"));
            }
        }
        Ok(())
    }

    /// What is between two parts: a line break if each has a line of its own.
    fn gap(&self, parts: &[Range<usize>], part: &Range<usize>) -> String {
        let before = self.text.before_in_line(part.start);
        let first = parts.first().map_or(0, |first| self.text.line_start(first.start));
        let is_alone =
            before.trim().is_empty() && (parts.len() == 1 || self.text.line_start(part.start) != first);
        if is_alone { format!("{}{before}", self.style.newline) } else { " ".to_owned() }
    }
}
