//! Text of callers, quoted in messages and logs.

/// The text, cut at 500 bytes: a URL may have 60 kB.
pub(crate) fn short(text: &str) -> String {
    const LONGEST: usize = 500;
    match text.get(..text.floor_char_boundary(LONGEST)) {
        Some(start) if start.len() < text.len() => format!("{start}..."),
        _ => text.to_owned(),
    }
}
