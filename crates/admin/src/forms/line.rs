//! JSON values as lines that people type: `DE` is a string, `7` a number, `"7"` a string again.

use serde_json::Value;

use crate::forms::{json, shape::Kinds};

/// A value as a line. `None` if a line cannot have it.
pub(super) fn of(raw: &str, kinds: Kinds) -> Option<String> {
    match json::string(raw) {
        Some(text) if is_plain(&text, kinds) => Some(text),
        // Escaped, it has no line breaks.
        Some(text) => Some(json::quoted(&text)),
        None => {
            let line = json::one_line(raw);
            (read(&line, kinds)? == line).then_some(line)
        }
    }
}

/// The JSON of a line. `None` for an empty one.
pub(super) fn read(line: &str, kinds: Kinds) -> Option<String> {
    let line = line.trim();
    if line.is_empty() {
        return None;
    }
    let is_other = matches!(
        (serde_json::from_str::<Value>(line), kinds),
        (Ok(Value::String(_)), _)
            | (Ok(Value::Number(_) | Value::Bool(_)), Kinds::Scalars)
            | (Ok(_), Kinds::Any)
    );
    Some(if is_other { json::one_line(line) } else { json::quoted(line) })
}

/// Whether a string is a line as it is.
fn is_plain(text: &str, kinds: Kinds) -> bool {
    !text.contains(char::is_control)
        && text.trim() == text
        && read(text, kinds).is_some_and(|read| json::string(&read).as_deref() == Some(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_they_were_written() {
        for (raw, kinds, line) in [
            (r#""DE""#, Kinds::Scalars, "DE"),
            (r#""7""#, Kinds::Scalars, r#""7""#),
            (r#""7""#, Kinds::Strings, "7"),
            ("7.50", Kinds::Scalars, "7.50"),
            (r#""true""#, Kinds::Scalars, r#""true""#),
            (r#""""#, Kinds::Strings, r#""""#),
            (r#"" a""#, Kinds::Strings, r#"" a""#),
            (r#""a\nb""#, Kinds::Strings, r#""a\nb""#),
            (r#""\"a\"""#, Kinds::Strings, r#""\"a\"""#),
            ("[0,2500]", Kinds::Any, "[0, 2500]"),
        ] {
            assert_eq!(of(raw, kinds).as_deref(), Some(line), "{raw}");
            assert_eq!(read(line, kinds), Some(json::one_line(raw)), "{raw}");
        }
        assert_eq!(of("7", Kinds::Strings), None);
        assert_eq!(of("[7]", Kinds::Scalars), None);
        assert_eq!(read(" ", Kinds::Any), None);
    }
}
