//! How values and lists are told to people.

use std::fmt;

use crate::context::value::Value;

/// Up to so many values of a list are told.
const MOST: usize = 8;

/// Alternatives, and of a long list its beginning.
pub(in crate::builtin) fn alternatives(f: &mut fmt::Formatter<'_>, list: &[String]) -> fmt::Result {
    match list.len() {
        0 => f.write_str("a value of an empty list"),
        length if length > MOST => {
            write!(f, "{} or {} more", list.get(..MOST).unwrap_or_default().join(", "), length - MOST)
        }
        _ => f.write_str(&list.join(" or ")),
    }
}

/// The same of texts, which are quoted.
pub(in crate::builtin) fn texts(f: &mut fmt::Formatter<'_>, list: &[Box<str>]) -> fmt::Result {
    alternatives(f, &list.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>())
}

/// The same, as a text.
pub(in crate::builtin) fn list(list: &[Box<str>]) -> String {
    fmt::from_fn(|f| texts(f, list)).to_string()
}

/// What was found instead of what was expected.
pub(in crate::builtin) fn found(value: &Value<'_>) -> String {
    /// A longer text is cut here.
    const LONGEST: usize = 60;
    match value {
        Value::List(_) | Value::Object(_) => {
            format!("found a {}", value.kind().replace("object", "JSON object"))
        }
        Value::Str(text) if text.chars().nth(LONGEST).is_some() => {
            format!("found {:?}...", text.chars().take(LONGEST).collect::<String>())
        }
        value => format!("found {value}"),
    }
}
