//! Comments of one line, in any language.

/// Whether a place is in a comment: the line begins like one, or has one before the place. Attributes of Rust are none.
pub(crate) fn is_in_comment(source: &[u8], place: usize) -> bool {
    let before = source.get(..place).unwrap_or_default();
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let line = before.get(start..).unwrap_or_default();
    let text = line.trim_ascii_start();
    let begins = [&b"//"[..], b"/*", b"* ", b"--", b"<!--", b";"].iter().any(|mark| text.starts_with(mark));
    begins || (text.starts_with(b"#") && !text.starts_with(b"#[")) || ends_in_comment(line)
}

/// Whether a line has `//`, or `#` and a blank, after a blank and outside of quotes.
fn ends_in_comment(line: &[u8]) -> bool {
    let mut quote = None;
    let mut before = b' ';
    for (at, byte) in line.iter().enumerate() {
        let next = line.get(at + 1);
        match (quote, byte) {
            (Some(open), byte) if *byte == open && before != b'\\' => quote = None,
            // A single quote is also an apostrophe, and a lifetime of Rust.
            (None, b'"' | b'`') => quote = Some(*byte),
            (None, b'/') if before.is_ascii_whitespace() && next == Some(&b'/') => return true,
            (None, b'#') if before.is_ascii_whitespace() && next == Some(&b' ') => return true,
            // Within quotes, nothing begins.
            _ => (),
        }
        before = *byte;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_of_several_languages_are_recognized() {
        for line in [
            "// is_enabled(",
            "    /// flags.is_enabled(",
            " * isEnabled(",
            "# client.get_boolean_value(",
            "let x = 1; // is_enabled(",
            "x = \"a\" # is_enabled(",
            "-- is_enabled(",
        ] {
            assert!(is_in_comment(line.as_bytes(), line.len()), "{line}");
        }
        for line in [
            "flags.is_enabled(",
            "#[novi::enabled(",
            "fetch(\"http://host\" + isEnabled(",
            "let url = \"a // b\"; is_enabled(",
            "// a comment\nis_enabled(",
            "\u{fc}: is_enabled(",
        ] {
            assert!(!is_in_comment(line.as_bytes(), line.len()), "{line}");
        }
        assert!(!is_in_comment(b"", 7));
    }
}
