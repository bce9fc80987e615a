//! Edits of a text.

use std::{collections::HashSet, ops::Range};

/// A range of bytes, and what stands there afterwards.
pub(super) type Edit = (Range<usize>, String);

/// Makes edits; one inside of an earlier one is left out.
pub(super) fn apply(source: &str, mut edits: Vec<Edit>) -> String {
    // Of two that begin at one place, the longer one.
    edits.sort_by_key(|(range, _)| (range.start, usize::MAX - range.end));
    let (mut text, mut at) = (String::with_capacity(source.len()), 0);
    for (range, new) in edits {
        if range.start < at || range.end < range.start {
            continue;
        }
        text.push_str(source.get(at..range.start).unwrap_or_default());
        text.push_str(&new);
        at = range.end;
    }
    text.push_str(source.get(at..).unwrap_or_default());
    text
}

/// The whole lines of a range, if nothing else is on them.
pub(super) fn whole_lines(source: &str, range: &Range<usize>) -> Range<usize> {
    let start = line_start(source, range.start);
    let rest = source.get(range.end..).unwrap_or_default();
    let end = rest.find('\n').map_or(source.len(), |end| range.end + end + 1);
    let is_blank = |text: Option<&str>| text.is_some_and(|text| text.trim().is_empty());
    if is_blank(source.get(start..range.start)) && is_blank(source.get(range.end..end)) {
        start..end
    } else {
        range.clone()
    }
}

fn line_start(source: &str, at: usize) -> usize {
    source.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |line| line + 1)
}

/// The spaces before the text of the line of a place.
fn indentation(source: &str, at: usize) -> &str {
    let start = line_start(source, at);
    let line = source.get(start..).unwrap_or_default();
    line.get(..line.len() - line.trim_start_matches([' ', '\t']).len()).unwrap_or_default()
}

/// The text of a range, moved to the left by as much as its first line is deeper than the line of `to`. Lines inside of
/// literals, by their numbers from 1, stay as they are.
pub(super) fn dedented(source: &str, range: Range<usize>, to: usize, literals: &HashSet<usize>) -> String {
    let text = source.get(range.clone()).unwrap_or_default();
    let (inner, outer) = (indentation(source, range.start), indentation(source, to));
    let Some(surplus) = inner.strip_prefix(outer).filter(|surplus| !surplus.is_empty()) else {
        return text.to_owned();
    };
    let first = source.get(..range.start).unwrap_or_default().matches('\n').count() + 1;
    let mut lines = Vec::new();
    for (number, line) in (first..).zip(text.split('\n')) {
        let is_moved = number > first && !literals.contains(&number);
        let moved = line.strip_prefix(outer).and_then(|rest| rest.strip_prefix(surplus));
        match moved.filter(|_| is_moved) {
            Some(rest) => lines.push(format!("{outer}{rest}")),
            None => lines.push(line.to_owned()),
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inner_edits_are_left_out() {
        assert_eq!(apply("abcdef", vec![(2..3, "x".into()), (1..5, "-".into()), (5..6, "!".into())]), "a-!");
    }

    #[test]
    fn lines_move_to_the_left_but_for_texts() {
        let source = "  if a {\n      b(\"\n      \");\n      c\n  }";
        let start = source.find("b(").unwrap();
        let end = source.find("\n  }").unwrap();
        let moved = dedented(source, start..end, 2, &HashSet::from([3]));
        assert_eq!(moved, "b(\"\n      \");\n  c");
    }
}
