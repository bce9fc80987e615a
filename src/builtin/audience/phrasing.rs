//! Formats values and lists for people.

use std::fmt;

use crate::{
    activation::{phrase::shortened, value_text},
    context::value::Value,
};

/// A value in words: `pro`, `"a text"`, `18`, `true`.
pub(in crate::builtin) fn value_words(value: &Value<'_>) -> String {
    value.as_str().map_or_else(|| shortened(value.to_string(), 40), value_text)
}

/// The most values of a list that are shown.
const MAX_SHOWN: usize = 8;

/// Alternatives, joined by "or". A long list is shortened.
pub(in crate::builtin) fn alternatives(f: &mut fmt::Formatter<'_>, list: &[String]) -> fmt::Result {
    match list.len() {
        0 => f.write_str("a value of an empty list"),
        length if length > MAX_SHOWN => {
            write!(
                f,
                "{} or {} more",
                list.get(..MAX_SHOWN).unwrap_or_default().join(", "),
                length - MAX_SHOWN
            )
        }
        _ => f.write_str(&list.join(" or ")),
    }
}

/// Quoted alternatives.
pub(in crate::builtin) fn quoted(f: &mut fmt::Formatter<'_>, list: &[Box<str>]) -> fmt::Result {
    alternatives(f, &list.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>())
}

/// Quoted alternatives, as a string.
pub(in crate::builtin) fn list(list: &[Box<str>]) -> String {
    fmt::from_fn(|f| quoted(f, list)).to_string()
}

/// The second half of a message: the value that was found.
pub(in crate::builtin) fn found(value: &Value<'_>) -> String {
    /// Longer strings are cut.
    const LONGEST: usize = 60;
    match value {
        Value::List(_) | Value::Object(_) => {
            format!("found {}", if matches!(value, Value::List(_)) { "a list" } else { "a JSON object" })
        }
        Value::Str(text) if text.chars().nth(LONGEST).is_some() => {
            format!("found {:?}...", text.chars().take(LONGEST).collect::<String>())
        }
        value => format!("found {value}"),
    }
}
