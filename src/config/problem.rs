//! Messages about invalid settings.

use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};
use toml::de::{DeTable, DeValue, Deserializer};

use crate::error::json_terms;

/// Parses a file. The error has all unknown keys and invalid values: each is removed, and the rest is parsed
/// again.
pub(super) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    /// Nobody corrects more at once.
    const MOST: usize = 50;
    let mut table = DeTable::parse(text).map_err(|error| in_file(text, &error))?;
    let mut problems = Vec::new();
    while problems.len() < MOST {
        match serde_path_to_error::deserialize(Deserializer::from(table.clone())) {
            Ok(value) if problems.is_empty() => return Ok(value),
            Ok(_) => break,
            Err(error) => {
                let start = error.inner().span().map(|span| span.start);
                problems.push((start, in_file(text, error.inner())));
                if !remove(table.get_mut(), error.path()) {
                    break;
                }
            }
        }
    }
    // In the order of the file.
    problems.sort();
    let messages: Vec<String> = problems.into_iter().map(|(_, message)| message).collect();
    Err(match messages.len() {
        1 => messages.concat(),
        count => format!("{count} problems\n{}", messages.join("\n")),
    })
}

/// Removes the innermost key on the path to an invalid value.
fn remove(mut table: &mut DeTable<'_>, path: &Path) -> bool {
    let keys: Vec<&str> = path
        .iter()
        .map_while(|segment| match segment {
            Segment::Map { key } => Some(key.as_str()),
            _ => None,
        })
        .collect();
    let Some((last, sections)) = keys.split_last() else { return false };
    for section in sections {
        let found = table.iter_mut().find(|(key, _)| key.get_ref() == section);
        let Some(DeValue::Table(inner)) = found.map(|(_, value)| value.get_mut()) else { return false };
        table = inner;
    }
    table.remove(*last).is_some()
}

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
