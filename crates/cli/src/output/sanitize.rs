//! Text that cannot control the terminal.

use std::borrow::Cow;

/// Escapes control characters, with which a name in a row could move the cursor or color the terminal, and
/// invisible characters, with which it could look like another name.
pub(crate) fn sanitize(text: &str) -> Cow<'_, str> {
    let harmful = |letter: char| (letter.is_control() && letter != '\n') || is_invisible(letter);
    if !text.contains(harmful) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if harmful(letter) {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    shown.into()
}

/// The characters of a text in a line that are shown.
const SHOWN: usize = 500;

/// A text that somebody wrote, within a line: its newlines are escaped, so that it does not look like other lines, and
/// what is too long to be read is left out.
pub(crate) fn one_line(text: &str) -> String {
    let mut letters = text.chars();
    let mut line: String = letters.by_ref().take(SHOWN).collect();
    if letters.next().is_some() {
        line.push('…');
    }
    sanitize(&line).replace('\n', "\\n")
}

/// Characters of Unicode's category "format": they change the direction of the text, or show nothing.
fn is_invisible(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_within_a_line_stays_in_it() {
        assert_eq!(one_line("bob\n  99  ann\r\n"), r"bob\n  99  ann\r\n");
        assert_eq!(one_line(&"é".repeat(SHOWN)), "é".repeat(SHOWN));
        assert_eq!(one_line(&"é".repeat(100_000)), "é".repeat(SHOWN) + "…");
    }

    #[test]
    fn characters_that_hide_or_reorder_text_are_escaped() {
        let name = "a\u{202e}b\u{200b}c\u{1b}[31m\u{85}\u{2066}\u{feff}";
        assert_eq!(sanitize(name), r"a\u{202e}b\u{200b}c\u{1b}[31m\u{85}\u{2066}\u{feff}");
        assert_eq!(sanitize("Größe 🚩 עברית\n"), "Größe 🚩 עברית\n");
    }
}
