//! Messages about invalid settings.

use crate::error::json_terms;

/// The error of a file, with its line and key. The line itself may contain a secret.
pub(super) fn in_file(text: &str, error: &toml::de::Error) -> String {
    let message = message(error);
    let before = error.span().and_then(|span| text.get(..span.start));
    let Some(before) = before else { return message };
    let (start, line) = match before.rfind('\n') {
        Some(end) => (end + 1, before.matches('\n').count() + 1),
        None => (0, 1),
    };
    let line_text = before.get(start..).unwrap_or_default();
    let column = line_text.chars().count() + 1;
    match line_text.split_once('=') {
        Some((key, _)) => format!("line {line}, column {column}: {}: {message}", key.trim()),
        None => format!("line {line}, column {column}: {message}"),
    }
}

/// The message without the line.
pub(super) fn message(error: &toml::de::Error) -> String {
    let message = error.message();
    json_terms::unknown_name(message, "key").unwrap_or_else(|| json_terms::translate(message))
}
