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
    fn characters_that_hide_or_reorder_text_are_escaped() {
        let name = "a\u{202e}b\u{200b}c\u{1b}[31m\u{85}\u{2066}\u{feff}";
        assert_eq!(sanitize(name), r"a\u{202e}b\u{200b}c\u{1b}[31m\u{85}\u{2066}\u{feff}");
        assert_eq!(sanitize("Größe 🚩 עברית\n"), "Größe 🚩 עברית\n");
    }
}
