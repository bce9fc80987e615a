//! Messages about invalid settings.

use crate::error::{json_terms, suggest::most_similar};

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
    let message = json_terms::translate(error.message());
    match message.strip_prefix("unknown field `").and_then(|rest| rest.split_once("`, expected ")) {
        Some((unknown, known)) => unknown_key(unknown, known),
        None => message,
    }
}

/// `known` is a list: ``one of `a`, `b` ``.
fn unknown_key(unknown: &str, known: &str) -> String {
    let names = known.split('`').skip(1).step_by(2);
    match most_similar(unknown, names) {
        Some(similar) => format!("unknown key `{unknown}`; did you mean `{similar}`?"),
        None => format!("unknown key `{unknown}`; expected {known}"),
    }
}
