//! Text that cannot control the terminal.

use std::borrow::Cow;

/// Escapes control characters: a name in a row could otherwise move the cursor or color the terminal.
pub(crate) fn sanitize(text: &str) -> Cow<'_, str> {
    let harmful = |letter: char| letter.is_control() && letter != '\n';
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
